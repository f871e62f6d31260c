"""Which arms may be compared, and why others may not.

Two arms meet only in the same service, threads and caps, on the same processor, with the same
staged bytes, under the same load. Arms of one server have its processor in common and need the same number of
CPUs; others need the same accelerator. Everything else is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import polars as pl

from analysis.checks.evidence import Evidence
from analysis.records.cells import CellKey, CellTrials
from analysis.records.results import distinct

_NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Pair:
    """Two cells that differ in nothing but the arm. ``note``: what the reader should know, or ""."""

    other: CellTrials
    base: CellTrials
    note: str


@dataclass(frozen=True)
class Refusal:
    """Two arms that are not compared. ``cell`` is that of ``other``, for its service and setting."""

    cell: CellKey
    other: str
    base: str
    reason: str


def find_pairs(evidence: Evidence) -> tuple[list[Pair], list[Refusal]]:
    """Every pair of arms of every service and setting, split into comparable and refused.

    Arms that the laboratory could not run are omitted: the list of arms not run says why.
    """
    missing = evidence.arms_not_run
    cells = [row for row in evidence.cells if len(row.trials) or row.cell.arm not in missing]
    pairs: list[Pair] = []
    refusals = _without_counterpart(cells)
    for base, other in combinations(cells, 2):
        if other.cell.setting != base.cell.setting:
            continue
        reason = _why_not(other, base, evidence.excluded_cells)
        if reason:
            refusals.append(Refusal(other.cell, other.cell.arm, base.cell.arm, reason))
        else:
            pairs.append(Pair(other, base, _note(other, base)))
    return pairs, refusals


def thread_pairs(cells: Sequence[CellTrials]) -> list[tuple[CellTrials, CellTrials]]:
    """Cells of several threads, each with the one of the same service, arm and memory that has fewer."""
    return [
        (more, fewer)
        for fewer, more in product(cells, cells)
        if more.cell.threads > fewer.cell.threads and _but_threads(more.cell) == _but_threads(fewer.cell)
    ]


def _but_threads(cell: CellKey) -> tuple[object, ...]:
    return cell.service, cell.arm, cell.memory_mib, cell.parameters


def _without_counterpart(cells: list[CellTrials]) -> list[Refusal]:
    settings = {(row.cell.arm, row.cell.setting) for row in cells}
    refusals = []
    for row in cells:
        others = distinct([peer.cell.arm for peer in cells if peer.cell.service == row.cell.service])
        for arm in others:
            if (arm, row.cell.setting) not in settings:
                reason = f"{arm} was not planned with these threads and caps"
                refusals.append(Refusal(row.cell, row.cell.arm, arm, reason))
    return refusals


def _why_not(other: CellTrials, base: CellTrials, excluded: dict[str, str]) -> str:
    for row in (other, base):
        if row.state:
            return f"{row.cell.arm}: {row.state}"
        if row.cell.slug in excluded:
            return f"{row.cell.arm}: {excluded[row.cell.slug]}"
    for what, read in _MUST_AGREE:
        seen = [distinct(read(row.trials)) for row in (other, base)]
        for row, values in zip((other, base), seen, strict=True):
            if len(values) > 1:
                return f"the boots of {row.cell.arm} differ in {what}: {', '.join(map(_short, values))}"
        if what in _MUST_AGREE_BETWEEN and seen[0] != seen[1]:
            return (
                f"{what} differs: {_short(seen[0][0])} for {other.cell.arm}, "
                f"{_short(seen[1][0])} for {base.cell.arm}"
            )
    return ""


def _column(name: str) -> Callable[[pl.DataFrame], list[str]]:
    return lambda trials: trials[name].cast(pl.String).fill_null(_NOT_RECORDED).to_list()


def _cpus_on_one_server(trials: pl.DataFrame) -> list[str]:
    """CPUs that the instance may run on. Elsewhere a difference is a note, see ``_note``."""
    return [
        "any" if not shared else str(cpus) for shared, cpus in trials["one_server", "instance_cpus"].rows()
    ]


def _caps(trials: pl.DataFrame) -> list[str]:
    stated = pl.format("{} CPU, {} bytes", "wanted_cpus", "wanted_memory_bytes")
    return trials.select(stated.fill_null(_NOT_RECORDED)).to_series().to_list()


def _load(trials: pl.DataFrame) -> list[str]:
    stated = pl.format(
        "{} loop, {} users{}, {} s",
        "loop",
        "users",
        pl.when(pl.col("search"))
        .then(pl.lit(", the best rate of a search"))
        .when(pl.col("rate_per_s").is_not_null())
        .then(pl.format(", {} requests/s", "rate_per_s"))
        .otherwise(pl.lit("")),
        # By requests the window is as long as it takes, by duration it has a length.
        pl.when(pl.col("load_ends_by") == "duration").then("window_s").otherwise(pl.lit("any")),
    )
    return trials.select(stated.fill_null(_NOT_RECORDED)).to_series().to_list()


_MUST_AGREE: tuple[tuple[str, Callable[[pl.DataFrame], list[str]]], ...] = (
    ("accelerator", _column("accelerator")),
    ("processor", _column("processor")),
    ("CPUs of the instance", _cpus_on_one_server),
    ("artifact hash", _column("artifact_sha256")),
    ("caps", _caps),
    ("threads seen", _column("threads_seen")),
    ("load", _load),
    ("kernel", _column("kernel")),
    ("software of the host", _column("software")),
)
# An accelerator, a kernel and a host belong to their arm; they must only stay the same from boot to boot.
_MUST_AGREE_BETWEEN = frozenset(
    {"processor", "CPUs of the instance", "artifact hash", "caps", "threads seen", "load"}
)


def _short(value: str) -> str:
    return f"{value[:12]}..." if len(value) == 64 else value


def _note(other: CellTrials, base: CellTrials) -> str:
    shared = any(row.trials["one_server"].any() for row in (other, base))
    column = _column("instance_cpus" if shared else "vcpus")
    seen = [distinct(column(row.trials)) for row in (other, base)]
    if seen[0] == seen[1]:
        return ""
    return (
        f"The kernel of {other.cell.arm} sees {' or '.join(seen[0])} CPU, that of {base.cell.arm} "
        f"{' or '.join(seen[1])}: their CPU caps are of different kinds"
    )
