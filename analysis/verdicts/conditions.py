"""The conditions of a claim against those of a cell, and the study's own conditions against a campaign's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from analysis.records.cells import CellTrials
from analysis.verdicts.claims import Claim
from contracts.platforms import PLATFORMS
from contracts.workload import parameters_of_text

Comparison = Literal["same", "different", "not recorded"]


def platform_label(name: str) -> str:
    """A platform's name for people, also of one that this laboratory does not have."""
    known = PLATFORMS.get(name)
    return (
        known.label if known else {"virtualbox": "VirtualBox", "firecracker": "Firecracker"}.get(name, name)
    )


def differences(claim: Claim, cell: CellTrials) -> list[str]:
    """What of ``cell`` differs from the claim's conditions; empty where nothing does.

    What the records of others do not state cannot differ: their caution states so.
    """
    wanted, trials = claim.conditions, cell.trials
    found = []
    platform = trials["platform"][0]
    # A container is its own platform: conditions name that of the other arm.
    if wanted.platform not in (None, platform) and cell.runtime != "docker":
        found.append(f"on {platform_label(platform)}")
    stated = {
        "memory_mib": (wanted.memory_mib, cell.cell.memory_mib, "{} MiB"),
        "array_length": (wanted.array_length, cell.cell.parameter_values.get("array_length"), "{} numbers"),
    }
    for want, have, words in stated.values():
        if want is not None and have is not None and want != have:
            found.append(words.format(have))
    if wanted.users is not None:
        users = sorted(set(trials["users"].drop_nulls().to_list()) - {wanted.users})
        found += [f"{amount} users" for amount in users]
        if "open" in trials["loop"].to_list():
            found.append("open loop")
    return found


def required(claim: Claim) -> str:
    """The claim's conditions in a phrase."""
    wanted = claim.conditions
    parts = [f"on {platform_label(wanted.platform)}"] if wanted.platform not in (None, "docker") else []
    parts += [f"{wanted.memory_mib} MiB"] if wanted.memory_mib else []
    parts += [f"{wanted.users} users"] if wanted.users else []
    parts += [f"{wanted.array_length} numbers"] if wanted.array_length else []
    parts += ["memory read after one request"] if wanted.moment == "idle" else []
    return ", ".join(parts)


@dataclass(frozen=True)
class ConditionResult:
    """A condition of the study beside the campaign's: ``ours`` is "" where the records do not state it."""

    claim: Claim
    comparison: Comparison
    ours: str


def compare_condition(claim: Claim, trials: pl.DataFrame) -> ConditionResult:
    """One condition of the study against the trials of a campaign."""
    read = _CONDITIONS.get(claim.id)
    values = sorted(read(trials), key=str) if read and trials.height else []
    if not values:
        return ConditionResult(claim, "not recorded", "")
    wanted = claim.value if claim.value is not None else _text_of(claim)
    same = all(value == wanted for value in values)
    return ConditionResult(claim, "same" if same else "different", ", ".join(map(_words, values)))


def _text_of(claim: Claim) -> str:
    return claim.text.rpartition(": ")[2]


def _words(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _column(
    name: str, workload: str = "", threads: int | None = None
) -> Callable[[pl.DataFrame], set[float | str]]:
    def read(trials: pl.DataFrame) -> set[float | str]:
        kept = trials.filter(pl.col("workload") == workload) if workload else trials
        kept = kept.filter(pl.col("threads") == threads) if threads else kept
        return {float(value) for value in kept[name].drop_nulls().to_list()}

    return read


def _parameter(name: str, workload: str) -> Callable[[pl.DataFrame], set[float | str]]:
    def read(trials: pl.DataFrame) -> set[float | str]:
        texts = trials.filter(pl.col("workload") == workload)["parameters"].drop_nulls().unique().to_list()
        found = (parameters_of_text(text).get(name) for text in texts)
        return {value if isinstance(value, str) else float(value) for value in found if value is not None}

    return read


def _fact(*names: str) -> Callable[[pl.DataFrame], set[float | str]]:
    """Values of a fact about any host, by the end of its name."""

    def read(trials: pl.DataFrame) -> set[float | str]:
        found: set[float | str] = set()
        for text in trials["software"].drop_nulls().unique().to_list():
            facts: Mapping[str, str] = json.loads(text)
            found |= {value for key, value in facts.items() if key.rpartition(".")[2] in names}
        return found

    return read


def _one(_trials: pl.DataFrame) -> set[float | str]:
    """A trial runs one instance at a time; the rule ``clock`` excludes trials that overlap."""
    return {1.0}


_CONDITIONS: Mapping[str, Callable[[pl.DataFrame], set[float | str]]] = {
    "C015": _fact("cpu"),
    "C018": _column("memory_mib"),
    "C019": _column("cpus", threads=1),
    "C020": _column("cpus", threads=4),
    "C022": _one,
    "C024": _fact("docker"),
    "C027": _column("users", "todos"),
    "C029": _column("requests", "todos"),
    "C033": _parameter("array_length", "bubble_sort"),
    "C034": _column("requests", "bubble_sort"),
}
