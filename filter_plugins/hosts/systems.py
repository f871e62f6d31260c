"""Filter from a host's facts to whether the roles know its operating system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Oldest and newest release that the roles know. Metadata of roles names their code names.
KNOWN = {"Debian": ("12", "13"), "Ubuntu": ("22.04", "26.04")}


def system_problem(facts: Mapping[str, Any]) -> str:
    """Problem and remedy, if the system of ``facts`` (of the module setup) is not a known one; else ""."""
    name = str(facts["distribution"])
    version = str(facts["distribution_version"])
    oldest, newest = KNOWN.get(name, ("", ""))
    if oldest and _numbers(oldest) <= _numbers(version)[: len(_numbers(oldest))] <= _numbers(newest):
        return ""
    known = ", ".join(f"{system} {first} to {last}" for system, (first, last) in KNOWN.items())
    return f"{name} {version} is not known to this role. Remedy: use {known} for this host."


def _numbers(version: str) -> list[int]:
    """``24.04`` as [24, 4]; words such as ``trixie/sid`` as nothing."""
    return [int(part) for part in version.split(".") if part.isdecimal()]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"system_problem": system_problem}
