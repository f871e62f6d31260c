"""Counted work of the same cells in two campaigns: which counts moved, by how much, and over a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.checks.evidence import Evidence
from analysis.estimates.interrupts import InterruptCost, Part, difference, interrupt_cost
from analysis.estimates.ratio import MINIMUM_BOOTS, RatioInterval, interval_of, ratio_of_means_interval
from analysis.records.cells import CellKey, CellTrials
from analysis.records.metrics import WORK_METRICS, Metric

WORK_BY_KEY = {metric.key: metric for metric in WORK_METRICS}
# Counts that a limit is applied to; the others explain where the difference comes from.
GATED = ("instructions_per_request", "application_per_request", "kernel_per_request")
# The same at equal interrupts per request, which depend on the speed of the machine. They are gated in place
# of the counts that they are made of, where the campaigns have what they need.
_EQUAL = "_at_equal_interrupts"
_PARTS: dict[str, Part] = {
    "instructions_per_request": "instructions",
    "application_per_request": "application",
    "kernel_per_request": "kernel",
}
AT_EQUAL_INTERRUPTS = {
    key: replace(WORK_BY_KEY[key], key=f"{part}{_EQUAL}", title=f"{WORK_BY_KEY[key].title}, equal interrupts")
    for key, part in _PARTS.items()
}
_INTERRUPTS = WORK_BY_KEY["interrupt_returns_per_request"]
MOVED_KEYS = (*(metric.key for metric in WORK_METRICS), *(row.key for row in AT_EQUAL_INTERRUPTS.values()))


@dataclass(frozen=True)
class Movement:
    """One count of one cell: the second campaign divided by the first."""

    cell: CellKey
    metric: Metric
    before: float
    after: float
    interval: RatioInterval

    @property
    def moved(self) -> bool:
        """Whether the interval excludes 1."""
        return self.interval.excludes_one

    def exceeds(self, limit: float) -> bool:
        """Whether the count rose by more than ``limit`` (0.02 is 2 %), and its interval lies above 1."""
        return self.interval.ratio > 1 + limit and self.interval.low > 1


def movements(first: Evidence, second: Evidence, key: str = "") -> list[Movement]:
    """Every count that both campaigns have of a cell, largest change first; ``key`` limits it to one."""
    others = {row.cell: row for row in second.cells}
    found = []
    for cell in first.cells:
        if cell.cell in others:
            rows = [
                row
                for metric in WORK_METRICS
                if key in ("", metric.key) and (row := _movement(cell, others[cell.cell], metric))
            ]
            rows += [
                row for row in _moved_at_equal_interrupts(first, second, cell) if key in ("", row.metric.key)
            ]
            rows.sort(key=lambda row: (row.metric.key not in _gated(rows), -abs(row.interval.ratio - 1)))
            found += rows
    return found


def beyond(rows: Sequence[Movement], limit: float, key: str = "") -> list[Movement]:
    """The movements that a regression gate refuses: of GATED, or of the one metric that was asked for."""
    refused = []
    for cell in dict.fromkeys(row.cell for row in rows):
        of_cell = [row for row in rows if row.cell == cell]
        gated = _gated(of_cell)
        refused += [row for row in of_cell if (key or row.metric.key in gated) and row.exceeds(limit)]
    return refused


def _gated(rows: Sequence[Movement]) -> list[str]:
    """Keys of the counts of one cell that a limit is applied to."""
    known = {row.metric.key for row in rows}
    equal = {key: metric.key for key, metric in AT_EQUAL_INTERRUPTS.items() if metric.key in known}
    return [equal.get(key, key) for key in GATED]


def _moved_at_equal_interrupts(first: Evidence, second: Evidence, cell: CellTrials) -> list[Movement]:
    """Instructions, all and by part; none where a boot lacks the counts of each second."""
    other = next(row for row in second.cells if row.cell == cell.cell)
    sides = ((first, cell), (second, other))
    if not all(set(row.ids) <= set(side.counted_seconds) for side, row in sides):
        return []
    if min(len(cell.ids), len(other.ids)) < MINIMUM_BOOTS:
        return []
    seconds = [[side.counted_seconds[name] for name in row.ids] for side, row in sides]
    costs = {key: interrupt_cost(seconds, part) for key, part in _PARTS.items()}
    rows = [_moved(cell, other, cost, key) for key, cost in costs.items() if cost]
    return [row for row in rows if row]


def _moved(first: CellTrials, second: CellTrials, cost: InterruptCost, key: str) -> Movement | None:
    metrics = (WORK_BY_KEY[key], _INTERRUPTS)
    values = [[np.asarray(row.values(metric)) for metric in metrics] for row in (first, second)]
    boots = (len(first.ids), len(second.ids))
    if any(len(counts) != count for pair, count in zip(values, boots, strict=True) for counts in pair):
        return None
    (base, base_interrupts), (after, after_interrupts) = values
    # Counts are in thousands.
    sides = (1000 * after, after_interrupts), (1000 * base, base_interrupts)
    try:
        estimate, *moved = difference(*sides, cost)
    except ValueError:
        return None
    interval = interval_of(estimate, (boots[1], boots[0]))
    before, now = (float(np.exp(np.log(row).mean())) / 1000 for row in reversed(moved))
    return Movement(first.cell, AT_EQUAL_INTERRUPTS[key], before, now, interval)


def _movement(first: CellTrials, second: CellTrials, metric: Metric) -> Movement | None:
    before, after = first.values(metric), second.values(metric)
    if not before or not after:
        return None
    return Movement(
        first.cell,
        metric,
        sum(before) / len(before),
        sum(after) / len(after),
        ratio_of_means_interval(after, before),
    )
