"""Counted work of the same cells in two campaigns: which counts moved, by how much, and over a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.checks.evidence import Evidence
from analysis.estimates.ratio import RatioInterval, ratio_of_means_interval
from analysis.records.cells import CellKey, CellTrials
from analysis.records.metrics import WORK_METRICS, Metric

# Counts that a limit is applied to; the others explain where the difference comes from.
GATED = ("instructions_per_request", "application_per_request", "kernel_per_request")


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
            found += sorted(rows, key=lambda row: (row.metric.key not in GATED, -abs(row.interval.ratio - 1)))
    return found


def beyond(rows: Sequence[Movement], limit: float, key: str = "") -> list[Movement]:
    """The movements that a regression gate refuses: of GATED, or of the one metric that was asked for."""
    return [row for row in rows if (key or row.metric.key in GATED) and row.exceeds(limit)]


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
