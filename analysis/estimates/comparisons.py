"""Which arms may be compared, and the ratios between those that may.

Two arms meet only in the same service, threads and caps, on the same accelerator, with the same
staged bytes, under the same load. Everything else is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import polars as pl

from analysis.checks.evidence import Evidence
from analysis.estimates.bootstrap import (
    MINIMUM_BOOTS_FOR_BOOTSTRAP,
    Resampled,
    ratio_of_resampled,
    resample,
)
from analysis.estimates.rank import MedianInterval, median_interval
from analysis.estimates.ratio import RatioInterval, cliffs_delta, ratio_of_means_interval, same_within
from analysis.records.cells import CellKey, CellTrials
from analysis.records.metrics import THROUGHPUT, Metric
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


@dataclass(frozen=True)
class Comparison:
    """One metric of one pair.

    Attributes:
        interval: the ratio of geometric means, Welch on logarithms.
        delta: Cliff's.
        same: whether the arms are the same within 3 % (two one-sided tests); None: too few boots.
        medians: over boots, of other and base.
        bootstrap: the second opinion, from 20 boots on and where there are windows to draw from.
    """

    pair: Pair
    metric: Metric
    interval: RatioInterval
    delta: float
    same: bool | None = None
    medians: tuple[MedianInterval, MedianInterval] | None = None
    bootstrap: RatioInterval | None = None


def find_pairs(evidence: Evidence) -> tuple[list[Pair], list[Refusal]]:
    """Every pair of arms of every service and setting, split into comparable and refused.

    Arms that the laboratory could not run are left out: the list of arms not run says why.
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


def compare(evidence: Evidence, pairs: list[Pair], metric: Metric, seed: int = 0) -> list[Comparison]:
    """The ratio of every pair that has the metric on both sides."""
    comparisons = []
    drawn = _Resamples(evidence, seed)
    for pair in pairs:
        other, base = pair.other.values(metric), pair.base.values(metric)
        if other and base:
            comparisons.append(
                Comparison(
                    pair,
                    metric,
                    ratio_of_means_interval(other, base),
                    cliffs_delta(other, base),
                    same_within(other, base),
                    (median_interval(other), median_interval(base)),
                    drawn.second_opinion(pair) if metric is THROUGHPUT else None,
                )
            )
    return comparisons


def _but_threads(cell: CellKey) -> tuple[object, ...]:
    return cell.service, cell.arm, cell.memory_mib, cell.array_length


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


def _caps(trials: pl.DataFrame) -> list[str]:
    said = pl.format("{} CPU, {} bytes", "wanted_cpus", "wanted_memory_bytes")
    return trials.select(said.fill_null(_NOT_RECORDED)).to_series().to_list()


def _load(trials: pl.DataFrame) -> list[str]:
    said = pl.format(
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
    return trials.select(said.fill_null(_NOT_RECORDED)).to_series().to_list()


_MUST_AGREE: tuple[tuple[str, Callable[[pl.DataFrame], list[str]]], ...] = (
    ("accelerator", _column("accelerator")),
    ("artifact hash", _column("artifact_sha256")),
    ("caps", _caps),
    ("threads seen", _column("threads_seen")),
    ("load", _load),
    ("kernel", _column("kernel")),
    ("software of the host", _column("software")),
)
# A kernel and a host belong to their arm; they must only stay the same from boot to boot.
_MUST_AGREE_BETWEEN = frozenset({"accelerator", "artifact hash", "caps", "threads seen", "load"})


def _short(value: str) -> str:
    return f"{value[:12]}..." if len(value) == 64 else value


def _note(other: CellTrials, base: CellTrials) -> str:
    seen = [distinct(_column("vcpus")(row.trials)) for row in (other, base)]
    if seen[0] == seen[1]:
        return ""
    return (
        f"The kernel of {other.cell.arm} sees {' or '.join(seen[0])} CPU, that of {base.cell.arm} "
        f"{' or '.join(seen[1])}: their CPU caps are of different kinds"
    )
