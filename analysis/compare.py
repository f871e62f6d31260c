"""Which arms may be compared, and the ratios between those that may.

Two arms meet only in the same service, threads and caps, on the same accelerator, with the same
staged bytes. Everything else is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from analysis.metrics import Metric
from analysis.results import CellResults, Results, distinct
from analysis.statistics import RatioInterval, cliffs_delta, ratio_of_means_interval
from contracts.study import Cell
from contracts.trial import TrialRecord


@dataclass(frozen=True)
class Pair:
    """Two cells that differ in nothing but the arm. ``note``: what the reader should know, or ""."""

    other: CellResults
    base: CellResults
    note: str


@dataclass(frozen=True)
class Refusal:
    """Two arms that are not compared. ``cell`` is that of ``other``, for its service and setting."""

    cell: Cell
    other: str
    base: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """One metric of one pair."""

    pair: Pair
    metric: Metric
    interval: RatioInterval
    delta: float


def find_pairs(results: Results) -> tuple[list[Pair], list[Refusal]]:
    """Every pair of arms of every service and setting, split into comparable and refused.

    Arms that this laboratory cannot run are left out: the list of arms not run says why.
    """
    missing = {row.arm for row in results.campaign.not_run}
    cells = [row for row in results.cells if row.trials or row.cell.arm not in missing]
    pairs: list[Pair] = []
    refusals = _without_counterpart(cells)
    for base, other in combinations(cells, 2):
        if _setting(base.cell) != _setting(other.cell):
            continue
        reason = _why_not(other, base)
        if reason:
            refusals.append(Refusal(other.cell, other.cell.arm, base.cell.arm, reason))
        else:
            pairs.append(Pair(other, base, _note(other, base)))
    return pairs, refusals


def compare(pairs: list[Pair], metric: Metric) -> list[Comparison]:
    """The ratio of every pair that has the metric on both sides."""
    comparisons = []
    for pair in pairs:
        other, base = metric.values(pair.other.trials), metric.values(pair.base.trials)
        if other and base:
            interval = ratio_of_means_interval(other, base)
            comparisons.append(Comparison(pair, metric, interval, cliffs_delta(other, base)))
    return comparisons


def _setting(cell: Cell) -> tuple[str, int, float, int, int | None]:
    return cell.service, cell.threads, cell.cpus, cell.memory_mib, cell.array_length


def _without_counterpart(cells: list[CellResults]) -> list[Refusal]:
    settings = {(row.cell.arm, _setting(row.cell)) for row in cells}
    refusals = []
    for row in cells:
        others = distinct([peer.cell.arm for peer in cells if peer.cell.service == row.cell.service])
        for arm in others:
            if (arm, _setting(row.cell)) not in settings:
                reason = f"{arm} was not planned with these threads and caps"
                refusals.append(Refusal(row.cell, row.cell.arm, arm, reason))
    return refusals


def _why_not(other: CellResults, base: CellResults) -> str:
    for row in (other, base):
        if not row.trials:
            return f"{row.cell.arm}: {row.state}"
    for what, read in _MUST_AGREE:
        seen = [distinct([read(record) for record in row.trials]) for row in (other, base)]
        for row, values in zip((other, base), seen, strict=True):
            if len(values) > 1:
                return f"the boots of {row.cell.arm} differ in {what}: {', '.join(map(_short, values))}"
        if what in _MUST_AGREE_BETWEEN and seen[0] != seen[1]:
            return (
                f"{what} differs: {_short(seen[0][0])} for {other.cell.arm}, "
                f"{_short(seen[1][0])} for {base.cell.arm}"
            )
    return ""


def _accelerator(record: TrialRecord) -> str:
    return record.instance.accelerator if record.instance else "not recorded"


def _artifact(record: TrialRecord) -> str:
    return record.instance.artifact_sha256 if record.instance else "not recorded"


def _kernel(record: TrialRecord) -> str:
    return record.instance.kernel if record.instance else "not recorded"


def _caps(record: TrialRecord) -> str:
    if record.caps is None:
        return "not recorded"
    return f"{record.caps.wanted_cpus:g} CPU, {record.caps.wanted_memory_bytes} bytes"


def _threads(record: TrialRecord) -> str:
    return str(record.identity.threads_seen) if record.identity else "not recorded"


_MUST_AGREE: tuple[tuple[str, Callable[[TrialRecord], str]], ...] = (
    ("accelerator", _accelerator),
    ("artifact hash", _artifact),
    ("caps", _caps),
    ("threads seen", _threads),
    ("kernel", _kernel),
)
# A kernel belongs to its arm; it must only stay the same from boot to boot.
_MUST_AGREE_BETWEEN = frozenset({"accelerator", "artifact hash", "caps", "threads seen"})


def _short(value: str) -> str:
    return f"{value[:12]}..." if len(value) == 64 else value


def _note(other: CellResults, base: CellResults) -> str:
    seen = [
        distinct([str(record.instance.vcpus) for record in row.trials if record.instance])
        for row in (other, base)
    ]
    if seen[0] == seen[1]:
        return ""
    return (
        f"The kernel of {other.cell.arm} sees {' or '.join(seen[0])} CPU, that of {base.cell.arm} "
        f"{' or '.join(seen[1])}: their CPU caps are of different kinds"
    )
