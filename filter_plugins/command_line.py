"""Filters that tell each runtime what to run: the same program and environment, in its own syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Interface
from typing import Any

from ansible.errors import AnsibleFilterError

from contracts.prebuilt import filled_command_line


def linux_command_line(command: str, environment: Mapping[str, Any], address: str, gateway: str) -> str:
    """Command line of a Linux kernel whose only program is ``command``.

    Words with ``=`` that the kernel does not know become init's environment, and what stands after
    ``--`` its arguments (Documentation/admin-guide/kernel-parameters in Linux). ``address`` is
    ADDRESS/PREFIX.
    """
    _no_spaces(environment)
    words = ["console=ttyS0", "quiet", "panic=-1", f"UNILAB_IP={address}", f"UNILAB_GATEWAY={gateway}"]
    words += [f"{name}={value}" for name, value in environment.items()]
    return " ".join([*words, "--", command])


def osv_command_line(
    command: str,
    environment: Mapping[str, Any],
    address: str,
    gateway: str,
    options: Sequence[str] = (),
) -> str:
    """Command line of an OSv kernel: its options, ``options`` among them, then the program.

    ``address`` is ADDRESS/PREFIX.
    """
    _no_spaces(environment)
    interface = IPv4Interface(address)
    words = [
        "--rootfs=rofs",
        *options,
        f"--ip=eth0,{interface.ip},{interface.netmask}",
        f"--defaultgw={gateway}",
        f"--nameserver={gateway}",
        # In its options a backslash escapes the next character (OSv, loader_parse_cmdline).
        *("--env={}={}".format(name, str(value).replace("\\", r"\\")) for name, value in environment.items()),
    ]
    return " ".join([*words, command])


def prebuilt_command_line(template: str, values: Mapping[str, Any], address: str, gateway: str) -> str:
    """Command line of a prebuilt unikernel: its ``template`` filled in. ``address`` is ADDRESS/PREFIX."""
    interface = IPv4Interface(address)
    network = {
        "address": str(interface.ip),
        "prefix_length": str(interface.network.prefixlen),
        "netmask": str(interface.netmask),
        "gateway": gateway,
    }
    return filled_command_line(template, network | {name: str(value) for name, value in values.items()})


def _no_spaces(environment: Mapping[str, Any]) -> None:
    for name, value in environment.items():
        if any(character.isspace() for character in str(value)):
            raise AnsibleFilterError(
                f"environment {name}: a boot command line cannot carry white space. "
                "Remedy: choose a value without it."
            )


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Name the filters."""
        return {
            "linux_command_line": linux_command_line,
            "osv_command_line": osv_command_line,
            "prebuilt_command_line": prebuilt_command_line,
        }
