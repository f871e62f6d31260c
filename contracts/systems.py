"""Operating systems that the roles know."""

from __future__ import annotations

# Oldest and newest release that the roles know. Metadata of roles names their code names.
KNOWN = {"Debian": ("12", "13"), "Ubuntu": ("22.04", "26.04")}


def is_known(name: str, version: str) -> bool:
    """Whether the roles know this distribution in this release, by their names in /etc/os-release."""
    oldest, newest = KNOWN.get(name, ("", ""))
    return bool(oldest) and _numbers(oldest) <= _numbers(version)[: len(_numbers(oldest))] <= _numbers(newest)


def known_systems() -> str:
    """All of them, for a message."""
    return ", ".join(f"{system} {first} to {last}" for system, (first, last) in KNOWN.items())


def _numbers(version: str) -> list[int]:
    """``24.04`` as [24, 4]; words such as ``trixie/sid`` as nothing."""
    return [int(part) for part in version.split(".") if part.isdecimal()]
