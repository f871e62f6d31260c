"""Filters for the stamps by which a prepared host is recognised (contracts.assembly.preparation)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contracts.assembly import preparation

# What images are made of, of the results of the module staged_tree.
_TREE_KEYS = ("artifact_sha256", "cmdline", "env", "osv_cmdline_suffix", "libc_files")

PROJECT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]


def preparation_command(folder: str) -> str:
    """The shell command that prints the stamps in ``folder`` of a host."""
    return preparation.reading_script(folder)


def preparation_found(output: str) -> Json:
    """What ``preparation_command`` printed, as machine, boot, quiet, stamps and changed."""
    return preparation.read_preparation(output).model_dump()


def preparation_inputs(role: str, variables: Mapping[str, Any], more: Any = None) -> str:
    """Hash of what ``role`` does on a host with these ``variables``; see ``role_inputs`` there."""
    return preparation.role_inputs(PROJECT, role, variables, more)


def preparation_of(found: Json, name: str, inputs: str, of_boot: bool = False) -> Json:
    """Why the stamp ``name`` cannot be used ("" where it can), the wanted ``inputs``, and its facts."""
    reading = preparation.Reading.model_validate(preparation.plain(found))
    stamp = reading.stamps.get(name)
    return {
        "why": preparation.why_untrusted(reading, name, inputs, of_boot=of_boot),
        "inputs": inputs,
        "facts": stamp.facts if stamp else {},
    }


def stamp_command(name: str, folder: str, variables: Mapping[str, Any], content: Json) -> str:
    """The shell command that writes the stamp ``name`` into ``folder`` of a host.

    ``content`` has inputs (a hash), facts (names of ``variables``; those that are not set are left out) and
    files (paths of the host).
    """
    values = {fact: variables[fact] for fact in content["facts"] if fact in variables}
    return preparation.stamp_script(name, content["inputs"], values, content["files"], folder)


def stamp_removal(name: str, folder: str) -> str:
    """The shell command that removes the stamp ``name``."""
    return preparation.removal_script(name, folder)


def tree_inputs(trees: Mapping[str, Mapping[str, Any]]) -> Json:
    """What images are made of, from ``trees``, service to result of the module staged_tree."""
    return {service: {key: tree[key] for key in _TREE_KEYS if key in tree} for service, tree in trees.items()}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "preparation_command": preparation_command,
            "preparation_found": preparation_found,
            "preparation_inputs": preparation_inputs,
            "preparation_of": preparation_of,
            "stamp_command": stamp_command,
            "stamp_removal": stamp_removal,
            "tree_inputs": tree_inputs,
        }
