"""Filters that write what each runtime is to run: the same program and environment, in its own syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from contracts.assembly import command_lines
from contracts.assembly.command_lines import Network
from contracts.errors import InputError

Environment = Mapping[str, Any]


def linux_command_line(command: str, environment: Environment, address: str, gateway: str) -> str:
    """Command line of a Linux kernel whose only program is ``command``. ``address`` is ADDRESS/PREFIX."""
    return _checked(lambda: command_lines.linux_command_line(command, environment, Network(address, gateway)))


def osv_command_line(
    command: str, environment: Environment, address: str, gateway: str, options: Sequence[str] = ()
) -> str:
    """Command line of an OSv kernel: its options, ``options`` among them, then the program."""
    return _checked(
        lambda: command_lines.osv_command_line(command, environment, Network(address, gateway), options)
    )


def prebuilt_command_line(template: str, values: Environment, address: str, gateway: str) -> str:
    """Command line of a prebuilt unikernel: its ``template`` filled in. ``address`` is ADDRESS/PREFIX."""
    return _checked(lambda: command_lines.prebuilt_command_line(template, values, Network(address, gateway)))


def _checked(made: Callable[[], str]) -> str:
    try:
        return made()
    except InputError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Name the filters."""
        return {
            "linux_command_line": linux_command_line,
            "osv_command_line": osv_command_line,
            "prebuilt_command_line": prebuilt_command_line,
        }
