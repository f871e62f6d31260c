"""The ratios between arms that may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.checks.evidence import Evidence
from analysis.estimates.block_table import BlockTable
from analysis.estimates.bootstrap import (
    MINIMUM_BOOTS_FOR_BOOTSTRAP,
    Resampled,
    ratio_of_resampled,
    resample,
)
from analysis.estimates.pairs import Pair
from analysis.estimates.rank import MedianInterval, median_interval
from analysis.estimates.ratio import RatioInterval, cliffs_delta
from analysis.records.cells import CellTrials
from analysis.records.metrics import LONGEST_RESPONSE, THROUGHPUT, Metric, right_answers

_EQUAL_ANSWERS = 1.01


@dataclass(frozen=True)
class Comparison:
    """One metric of one pair.

    Attributes:
        interval: the ratio of geometric means, by the blocked estimate.
        delta: Cliff's.
        medians: over boots, of other and base.
        bootstrap: the second opinion, from 20 boots on and where there are windows to draw from.
    """

    pair: Pair
    metric: Metric
    interval: RatioInterval
    delta: float
    medians: tuple[MedianInterval, MedianInterval] | None = None
    bootstrap: RatioInterval | None = None


def compare(evidence: Evidence, pairs: Sequence[Pair], metric: Metric, seed: int = 0) -> list[Comparison]:
    """The ratio of every pair that has the metric on both sides."""
    comparisons = []
    drawn = _Resamples(evidence, seed)
    table = BlockTable(evidence.every_cell, metric)
    for pair in pairs:
        interval = table.ratio(pair.other, pair.base)
        if interval and (metric is not LONGEST_RESPONSE or _equal_answers(pair)):
            other, base = pair.other.values(metric), pair.base.values(metric)
            comparisons.append(
                Comparison(
                    pair,
                    metric,
                    interval,
                    cliffs_delta(other, base),
                    (median_interval(other), median_interval(base)),
                    drawn.second_opinion(pair) if metric is THROUGHPUT else None,
                )
            )
    return comparisons


def _equal_answers(pair: Pair) -> bool:
    """Whether all boots of both arms gave the same number of answers: a maximum grows with it."""
    answers = [
        value
        for side in (pair.other, pair.base)
        for value in side.trials.select(right_answers()).to_series().drop_nulls().to_list()
    ]
    return bool(answers) and max(answers) <= _EQUAL_ANSWERS * min(answers)


class _Resamples:
    """The hierarchical bootstrap of pairs: a cell that stands in several of them is drawn once."""

    def __init__(self, evidence: Evidence, seed: int) -> None:
        self._rates = evidence.window_rates
        self._seed = seed
        self._places = {row.cell.slug: place for place, row in enumerate(evidence.cells)}
        self._drawn: dict[tuple[str, int], Resampled] = {}

    def second_opinion(self, pair: Pair) -> RatioInterval | None:
        """The interval, from 20 boots with windows on."""
        sides = [self._windows(side) for side in (pair.other, pair.base)]
        if min(map(len, sides)) < MINIMUM_BOOTS_FOR_BOOTSTRAP:
            return None
        windows = min(len(rates) for side in sides for rates in side)
        if not windows or any(sum(rates[:windows]) == 0 for side in sides for rates in side):
            return None
        return ratio_of_resampled(self._resampled(pair.other, windows), self._resampled(pair.base, windows))

    def _windows(self, side: CellTrials) -> list[Sequence[float]]:
        return [self._rates[trial_id] for trial_id in side.ids if trial_id in self._rates]

    def _resampled(self, side: CellTrials, windows: int) -> Resampled:
        slug = side.cell.slug
        if (slug, windows) not in self._drawn:
            rates = np.asarray([rates[:windows] for rates in self._windows(side)])
            generator = np.random.default_rng([self._seed, self._places[slug]])
            self._drawn[slug, windows] = resample(rates, generator)
        return self._drawn[slug, windows]
