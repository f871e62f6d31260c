"""One metric of all cells by block: where the blocked estimates of a campaign come from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.estimates.blocked import METHODS, block_effects, blocked_difference
from analysis.estimates.ratio import (
    MINIMUM_BOOTS,
    RatioInterval,
    interval_of,
    no_interval,
    ratio_of_means_interval,
)
from analysis.records.cells import CellTrials
from analysis.records.metrics import Metric

Array = npt.NDArray[np.float64]


class BlockTable:
    """Logarithms of one metric, one row per cell and one column per block; NaN for a boot that is missing.

    The second set of boots of a study's control is a row like any other: it shows what a block did too.
    """

    def __init__(self, cells: Sequence[CellTrials], metric: Metric) -> None:
        self._metric = metric
        rows = [row for row in cells if row.values(metric)]
        self._places = {row.cell.slug: place for place, row in enumerate(rows)}
        boots = [row.boots(metric) for row in rows]
        stated = [block for blocks, _ in boots for block in blocks]
        known = sorted({block for block in stated if block is not None})
        self._blocked, self._blocks = None not in stated, known
        if self._blocked:
            columns = {block: place for place, block in enumerate(known)}
            self._logs: Array = np.full((len(rows), len(columns)), np.nan)
            for place, (blocks, values) in enumerate(boots):
                self._logs[place, [columns[block] for block in blocks if block is not None]] = np.log(values)

    def ratio(self, other: CellTrials, base: CellTrials) -> RatioInterval | None:
        """The ratio of two cells; None where one of them has no value."""
        values = [side.values(self._metric) for side in (other, base)]
        boots = len(values[0]), len(values[1])
        if not min(boots):
            return None
        if not self._blocked:
            return ratio_of_means_interval(*values)
        sides = [self._logs[self._places[side.cell.slug]] for side in (other, base)]
        if min(boots) < MINIMUM_BOOTS or max(map(np.ptp, values)) == 0:
            return no_interval(math.exp(np.nanmean(sides[0]) - np.nanmean(sides[1])), *boots)
        found = blocked_difference(sides[0], sides[1], self._others(other, base))
        return interval_of(found.estimate, boots, METHODS[int(found.method)])

    def effects(self, other: CellTrials, base: CellTrials) -> dict[int, float]:
        """What each block did to the other cells, as a logarithm, by block; empty where nothing is known."""
        if not self._blocked or not (other.values(self._metric) and base.values(self._metric)):
            return {}
        sides = [self._logs[self._places[side.cell.slug]] for side in (other, base)]
        found = block_effects(self._others(other, base), *sides)
        return dict(zip(self._blocks, found.tolist(), strict=True))

    def halves(self, cell: CellTrials) -> RatioInterval | None:
        """A cell's boots of even blocks against those of odd ones; None without two boots in each half."""
        if not self._blocked or not cell.values(self._metric):
            return None
        logs = self._logs[self._places[cell.cell.slug]]
        logs = logs - block_effects(self._others(cell), logs)
        first, second = (half[~np.isnan(half)] for half in (logs[::2], logs[1::2]))
        if min(len(first), len(second)) < MINIMUM_BOOTS:
            return None
        return ratio_of_means_interval(np.exp(first).tolist(), np.exp(second).tolist())

    def _others(self, *pair: CellTrials) -> Array:
        return np.delete(self._logs, [self._places[side.cell.slug] for side in pair], axis=0)
