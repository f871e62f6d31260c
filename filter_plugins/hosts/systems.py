"""Filter from a host's facts to whether the roles know its operating system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contracts.systems import is_known, known_systems


def system_problem(facts: Mapping[str, Any]) -> str:
    """Problem and remedy, if the system of ``facts`` (of the module setup) is not a known one; else ""."""
    name, version = str(facts["distribution"]), str(facts["distribution_version"])
    if is_known(name, version):
        return ""
    return f"{name} {version} is not known to this role. Remedy: use {known_systems()} for this host."


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"system_problem": system_problem}
