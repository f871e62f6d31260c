"""The same program and environment in the syntax of each runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface

from contracts.errors import InputError
from contracts.images.prebuilt import filled_command_line


@dataclass(frozen=True)
class Network:
    """A guest's network: its address with the prefix, ADDRESS/PREFIX, and its gateway, "" for none."""

    address: str
    gateway: str


def linux_command_line(command: str, environment: Mapping[str, object], network: Network) -> str:
    """Command line of a Linux kernel whose only program is ``command``.

    Words with ``=`` that the kernel does not know become init's environment, and what stands after
    ``--`` its arguments (Documentation/admin-guide/kernel-parameters in Linux). Raises InputError for a
    value with white space.
    """
    _check_no_spaces(environment)
    words = ["console=ttyS0", "quiet", "panic=-1"]
    words += [f"UNILAB_IP={network.address}", f"UNILAB_GATEWAY={network.gateway}"]
    words += [f"{name}={value}" for name, value in environment.items()]
    return " ".join([*words, "--", command])


def osv_command_line(
    command: str, environment: Mapping[str, object], network: Network, options: Sequence[str] = ()
) -> str:
    """Command line of an OSv kernel: its options, ``options`` among them, then the program.

    Raises InputError for a value with white space.
    """
    _check_no_spaces(environment)
    interface = IPv4Interface(network.address)
    words = [
        "--rootfs=rofs",
        *options,
        f"--ip=eth0,{interface.ip},{interface.netmask}",
        f"--defaultgw={network.gateway}",
        f"--nameserver={network.gateway}",
        # In its options a backslash escapes the next character (OSv, loader_parse_cmdline).
        *("--env={}={}".format(name, str(value).replace("\\", r"\\")) for name, value in environment.items()),
    ]
    return " ".join([*words, command])


def prebuilt_command_line(template: str, values: Mapping[str, object], network: Network) -> str:
    """Command line of a prebuilt unikernel: its ``template`` with the placeholders filled in."""
    interface = IPv4Interface(network.address)
    known = {
        "address": str(interface.ip),
        "prefix_length": str(interface.network.prefixlen),
        "netmask": str(interface.netmask),
        "gateway": network.gateway,
    }
    return filled_command_line(template, known | {name: str(value) for name, value in values.items()})


def _check_no_spaces(environment: Mapping[str, object]) -> None:
    for name, value in environment.items():
        if any(character.isspace() for character in str(value)):
            raise InputError(
                "environment",
                name,
                "a boot command line cannot carry white space",
                "choose a value without it",
            )


@dataclass(frozen=True)
class Program:
    """What an instance runs.

    Attributes:
        cmdline: absolute path and arguments; of a prebuilt unikernel the template of its command line.
        osv_suffix: what only OSv needs after it.
        environment: of the program.
        values: what a prebuilt unikernel's placeholders stand for, beside the network's.
        osv_options: further options of OSv's kernel.
    """

    cmdline: str
    osv_suffix: str
    environment: Mapping[str, object]
    values: Mapping[str, object]
    osv_options: Sequence[str] = ()


_COMMAND_LINES: dict[str, Callable[[Program, Network], str]] = {
    "docker": lambda program, network: program.cmdline,
    "native": lambda program, network: program.cmdline,
    "linux": lambda program, network: linux_command_line(program.cmdline, program.environment, network),
    "osv": lambda program, network: osv_command_line(
        program.cmdline + program.osv_suffix, program.environment, network, program.osv_options
    ),
    "prebuilt": lambda program, network: prebuilt_command_line(program.cmdline, program.values, network),
}


def command_line(runtime: str, program: Program, network: Network) -> str:
    """What ``runtime`` is given to run ``program``. Raises KeyError for an unknown runtime."""
    return _COMMAND_LINES[runtime](program, network)
