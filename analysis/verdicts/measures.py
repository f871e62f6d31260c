"""How evidence answers a claim: results of the cells and pairs that the claim is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from analysis.checks.cells import describe
from analysis.checks.evidence import Evidence
from analysis.estimates import CONFIDENCE
from analysis.estimates.block_table import BlockTable
from analysis.estimates.blocked import welch_estimate
from analysis.estimates.pairs import find_pairs, thread_pairs
from analysis.estimates.rate import poisson_rate_interval
from analysis.estimates.ratio import (
    MINIMUM_BOOTS,
    RatioInterval,
    mean_interval,
    ratio_of_means_interval,
)
from analysis.estimates.stability import MILLION, stability
from analysis.records.cells import CellTrials
from analysis.records.metrics import METRICS, STUDY_MEMORY_KINDS, Metric, memory_kinds, memory_metric
from analysis.verdicts.claims import Claim, Measure
from analysis.verdicts.conditions import differences
from contracts.workload import split_service

COUNTED = "instructions_per_request"


@dataclass(frozen=True)
class Result:
    """What one cell or pair shows.

    Attributes:
        of: which, for people.
        value: the value seen. low, high: its 95 % interval, infinite for too few boots.
        outer: the interval at 1 - 5 % / L for a claim on L cells, by which it is contradicted.
        language: of the service.
        slugs: of the cells.
        elsewhere: what differs from the claim's conditions; "" where nothing does.
        doubt: what keeps the result from deciding anything, or "".
        emulated: whether it is a time or a rate on an emulated CPU.
    """

    of: str
    value: float
    low: float
    high: float
    outer: tuple[float, float] | None = None
    language: str = ""
    slugs: tuple[str, ...] = ()
    elsewhere: str = ""
    doubt: str = ""
    emulated: bool = False

    @property
    def insufficient(self) -> bool:
        """Whether there is no interval."""
        return not math.isfinite(self.high)

    @property
    def outer_ends(self) -> tuple[float, float]:
        """``outer``, or the 95 % interval where no other is known."""
        return self.outer or (self.low, self.high)


class Measurements:
    """The evidence of one source, asked by many claims: pairs and block tables are made once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.pairs = find_pairs(evidence)[0]
        self.table: Callable[[str], BlockTable | None] = cache(self._table)

    def results(self, claim: Claim) -> list[Result]:
        """Every result that bears on ``claim``, under its conditions or elsewhere."""
        measure = _MEASURES.get(claim.measure)
        return list(measure(claim, self)) if measure else []

    def counted(self, claim: Claim) -> list[Result]:
        """Instructions per request of the pairs that a claim on throughput or time is about."""
        metric = metric_named(COUNTED)
        if claim.measure != "ratio" or metric is None or claim.metric not in ("throughput", "mean_response"):
            return []
        return [
            _of_ratio(claim, self, metric, found, *sides)
            for sides in _matching_pairs(claim, self)
            if (found := self.ratio(COUNTED, *sides))
        ]

    def ratio(self, key: str, other: CellTrials, base: CellTrials) -> RatioInterval | None:
        """The blocked ratio of one metric by its key; None where one side has no value."""
        table = self.table(key)
        return table.ratio(other, base) if table else None

    def _table(self, key: str) -> BlockTable | None:
        metric = metric_named(key)
        return BlockTable(self.evidence.every_cell, metric) if metric else None


@cache
def metric_named(key: str) -> Metric | None:
    """The metric of METRICS with this key; None where this version has none."""
    return next((metric for metric in METRICS if metric.key == key), None)


def _cells(claim: Claim, by: Measurements, runtime: str, threads: int | None, build: str) -> list[CellTrials]:
    """Cells with trials that the claim is about, whatever their conditions."""
    found = []
    for row in by.evidence.cells:
        workload, language = split_service(row.cell.service)
        if (
            len(row.trials)
            and row.cell.service.partition(".")[2] == build
            and row.cell.slug not in by.evidence.excluded_cells
            and claim.workload in ("", workload)
            and (not claim.languages or language in claim.languages)
            and threads in (None, row.cell.threads)
            and row.runtime == runtime
        ):
            found.append(row)
    return found


def _ratios(claim: Claim, by: Measurements) -> Iterator[Result]:
    for runtime, base in _matching_pairs(claim, by):
        metrics = [_metric(claim, side) for side in (runtime, base)]
        if metrics[0] is None or metrics[1] is None:
            continue
        if claim.metric == "memory":
            # Kinds of memory differ between runtimes, so they share no table of blocks.
            values = [
                side.values(metric) for side, metric in zip((runtime, base), metrics, strict=True) if metric
            ]
            found = ratio_of_means_interval(*values) if all(values) else None
        else:
            found = by.ratio(claim.metric, runtime, base)
        if found:
            yield _of_ratio(claim, by, metrics[0], found, runtime, base)


def _scalings(claim: Claim, by: Measurements) -> Iterator[Result]:
    metric = metric_named(claim.metric)
    for more, one in thread_pairs(_cells(claim, by, claim.runtime, None, claim.build)):
        if metric and (more.cell.threads, one.cell.threads) == (claim.threads, claim.threads_base):
            found = by.ratio(claim.metric, more, one)
            if found:
                yield _of_ratio(claim, by, metric, found, more, one)


def _builds(claim: Claim, by: Measurements) -> Iterator[Result]:
    """One build of a service against another, in one arm and setting."""
    metric = metric_named(claim.metric)
    bases = {
        (row.cell.arm, row.cell.setting[1:]): row
        for row in _cells(claim, by, claim.runtime, claim.threads, claim.build_base)
    }
    for row in _cells(claim, by, claim.runtime, claim.threads, claim.build):
        base = bases.get((row.cell.arm, row.cell.setting[1:]))
        found = by.ratio(claim.metric, row, base) if base else None
        if metric and base and found:
            yield _of_ratio(claim, by, metric, found, row, base)


def _extras(claim: Claim, by: Measurements) -> Iterator[Result]:
    for runtime, base in _matching_pairs(claim, by):
        metrics = [_metric(claim, side) for side in (runtime, base)]
        sides = [
            np.asarray(side.values(metric) if metric else [])
            for side, metric in zip((runtime, base), metrics, strict=True)
        ]
        if all(map(len, sides)):
            value = float(sides[0].mean() - sides[1].mean())
            widths = [math.inf, math.inf]
            if min(map(len, sides)) >= MINIMUM_BOOTS:
                found = welch_estimate(*sides)
                widths = [
                    float(np.nan_to_num(found.half_width(level), nan=math.inf)) for level in _levels(claim)
                ]
            low, high = value - widths[0], value + widths[0]
            outer = (value - widths[1], value + widths[1])
            yield _result(claim, by, None, (value, low, high, outer), runtime, base)


def _values(claim: Claim, by: Measurements) -> Iterator[Result]:
    for cell in _cells(claim, by, claim.runtime, claim.threads, claim.build):
        metric = _metric(claim, cell)
        values = cell.values(metric) if metric else []
        if metric and values:
            inner, outer = (mean_interval(values, level) for level in _levels(claim))
            yield _result(claim, by, metric, (*inner, outer[1:]), cell)


def _crashes(claim: Claim, by: Measurements) -> Iterator[Result]:
    """Crashes and hangs alike: the study counts an image that stops answering, whatever it died of.

    Every recorded boot bears on it: to skip those that ended badly would skip the answer.
    """
    cells = {row.cell: row for row in _cells(claim, by, claim.runtime, claim.threads, claim.build)}
    about = by.evidence.trials.filter(pl.col("runtime") == claim.runtime)
    for row in stability(about):
        cell = cells.get(row.cell)
        if row.requests and cell:
            events, millions = row.crashed + row.hung, row.requests / MILLION
            inner, outer = (poisson_rate_interval(events, millions, level) for level in _levels(claim))
            yield _result(claim, by, None, (events / millions, *inner, outer), cell)


def _matching_pairs(claim: Claim, by: Measurements) -> Iterator[tuple[CellTrials, CellTrials]]:
    """Comparable pairs of the claim's runtime and its base, in that order."""
    runtimes = {row.cell.slug for row in _cells(claim, by, claim.runtime, claim.threads, claim.build)}
    bases = {row.cell.slug for row in _cells(claim, by, claim.base, claim.threads, claim.build)}
    for pair in by.pairs:
        for runtime, base in ((pair.other, pair.base), (pair.base, pair.other)):
            if runtime.cell.slug in runtimes and base.cell.slug in bases:
                yield runtime, base


def _metric(claim: Claim, cell: CellTrials) -> Metric | None:
    """The claim's metric; of memory the study's kind for the runtime, at the claim's moment or another."""
    if claim.metric != "memory":
        return metric_named(claim.metric)
    kind = STUDY_MEMORY_KINDS.get(cell.runtime)
    moments = [when for found, when in memory_kinds(cell.trials) if found == kind]
    if kind is None or not moments:
        return None
    wanted = claim.conditions.moment
    return memory_metric(kind, wanted if wanted in moments else moments[0])


def _of_ratio(
    claim: Claim, by: Measurements, metric: Metric, found: RatioInterval, *cells: CellTrials
) -> Result:
    allowance = by.evidence.allowance(metric, *cells)
    inner, outer = (_widened(found.ends(level), allowance) for level in _levels(claim))
    if found.insufficient:
        inner = outer = (0.0, math.inf)
    return _result(claim, by, metric, (found.ratio, *inner, outer), *cells)


def _widened(ends: tuple[float, float], allowance: float) -> tuple[float, float]:
    if not math.isfinite(allowance) or not math.isfinite(ends[1]):
        return 0.0, math.inf
    return ends[0] * math.exp(-allowance), ends[1] * math.exp(allowance)


def _levels(claim: Claim) -> tuple[float, float]:
    """95 %, and the level of each of the claim's languages that errs at 5 % in all."""
    return CONFIDENCE, 1 - (1 - CONFIDENCE) / len(claim.every_language)


def _result(
    claim: Claim,
    by: Measurements,
    metric: Metric | None,
    figures: tuple[float, float, float, tuple[float, float]],
    *cells: CellTrials,
) -> Result:
    value, low, high, outer = figures
    different = list(dict.fromkeys(text for cell in cells for text in differences(claim, cell)))
    different += _other_moment(claim, cells)
    doubts = _doubts(by.evidence, metric, cells)
    return Result(
        _name(cells),
        value,
        low,
        high,
        outer,
        split_service(cells[0].cell.service)[1],
        tuple(cell.cell.slug for cell in cells),
        ", ".join(different),
        "; ".join(doubts),
        emulated=(metric is not None and metric.of_time)
        and any(cell.trials["emulated"].any() for cell in cells),
    )


def _other_moment(claim: Claim, cells: Sequence[CellTrials]) -> list[str]:
    wanted = claim.conditions.moment
    if wanted is None:
        return []
    moments = {
        when
        for cell in cells
        for kind, when in memory_kinds(cell.trials)
        if kind == STUDY_MEMORY_KINDS.get(cell.runtime)
    }
    return [] if wanted in moments else ["memory read under load"]


def _doubts(evidence: Evidence, metric: Metric | None, cells: Sequence[CellTrials]) -> list[str]:
    found = []
    if any(cell.cell.slug in evidence.flat_cells for cell in cells) and metric and metric.of_window:
        found.append("services share one ceiling, maybe that of the path or the generator")
    for cell in cells:
        steady = evidence.steadiness_of_cells.get(cell.cell.slug)
        if metric and metric.of_window and steady and not math.isfinite(steady.allowance):
            found.append(f"{cell.cell.arm}: {describe(steady)}")
    return found


def _name(cells: Sequence[CellTrials]) -> str:
    """What differs between the cells, after the service."""
    first, last = cells[0].cell, cells[-1].cell
    if first.service != last.service:
        return f"{first.service} / {last.service} {first.arm}"
    if first.threads != last.threads:
        return f"{first.service} {first.arm}, {first.threads} / {last.threads} threads"
    return f"{first.service} {' / '.join(dict.fromkeys((first.arm, last.arm)))}"


_MEASURES: dict[Measure, Callable[[Claim, Measurements], Iterator[Result]]] = {
    "ratio": _ratios,
    "scaling": _scalings,
    "builds": _builds,
    "extra": _extras,
    "value": _values,
    "crashes": _crashes,
}
