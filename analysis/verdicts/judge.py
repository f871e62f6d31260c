"""What evidence says of a claim: by interval against the claim's tolerance, never by eye."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from analysis.checks.evidence import Evidence
from analysis.estimates.block_table import BlockTable
from analysis.estimates.blocked import welch_estimate
from analysis.estimates.pairs import Pair, find_pairs, thread_pairs
from analysis.estimates.rate import poisson_rate_interval
from analysis.estimates.ratio import (
    MINIMUM_BOOTS,
    RatioInterval,
    mean_interval,
    ratio_of_means_interval,
)
from analysis.estimates.stability import MILLION, stability
from analysis.records.cells import CellTrials
from analysis.records.metrics import METRICS, Metric, memory_kinds, memory_metric
from analysis.verdicts.claims import Claim, study_array_length
from contracts.workload import is_variant, split_service

Verdict = Literal["reproduced", "contradicted", "inconclusive", "not measured"]

# The study's two definitions of memory: pages that a guest was given, and docker stats.
MEMORY_KINDS = {"osv": "guest_touched", "linux": "guest_touched", "docker": "docker_stats"}
_CONDITIONS = {
    "absolute": "an absolute figure of another machine",
    "setup": "a condition of the study, not a result",
    "none": "not part of this laboratory",
}


@dataclass(frozen=True)
class Result:
    """One cell's or pair's answer: the value seen, and its 95 % interval, infinite for too few boots."""

    of: str
    value: float
    low: float
    high: float
    slugs: tuple[str, ...] = ()

    @property
    def insufficient(self) -> bool:
        """Whether there is no interval."""
        return not math.isfinite(self.high)


@dataclass(frozen=True)
class Answer:
    """The verdict on one claim from one source, the results that it rests on, and why where there is none."""

    claim: Claim
    source: str
    verdict: Verdict
    results: tuple[Result, ...]
    why: str


def answer(claims: Sequence[Claim], evidence: Evidence) -> list[Answer]:
    """One answer per claim, in order."""
    pairs, _ = find_pairs(evidence)
    return [_answer(claim, evidence, pairs) for claim in claims]


def judge_results(claim: Claim, results: Sequence[Result]) -> tuple[Verdict, str]:
    """The rule.

    Reproduced: every interval lies inside the tolerance. Contradicted: one interval lies wholly outside;
    a claim on several languages falls with the first. Else inconclusive, or not measured without results.
    """
    if not results:
        return "not measured", "no comparable cells measure it here"
    outside = [row for row in results if row.low > claim.high or row.high < claim.low]
    if outside:
        return "contradicted", ""
    if all(claim.low <= row.low and row.high <= claim.high for row in results):
        return "reproduced", ""
    if all(row.insufficient for row in results):
        return "inconclusive", "too few boots"
    return "inconclusive", "the interval reaches across the tolerance"


def _answer(claim: Claim, evidence: Evidence, pairs: Sequence[Pair]) -> Answer:
    measure = _MEASURES.get(claim.measure)
    if measure is None:
        why = claim.note or _CONDITIONS[claim.measure]
        return Answer(claim, evidence.source, "not measured", (), why)
    results = tuple(measure(claim, evidence, pairs))
    verdict, why = judge_results(claim, results)
    if any(slug in evidence.flat_cells for row in results for slug in row.slugs):
        verdict, why = (
            "inconclusive",
            "services share one ceiling, maybe that of the path or the generator",
        )
    if results and _emulated(evidence):
        why = "; ".join(filter(None, (why, "on an emulated CPU")))
    return Answer(claim, evidence.source, verdict, results, why)


def _emulated(evidence: Evidence) -> bool:
    """Whether any trial that counts ran on a CPU of software, whose ratios need not be a real one's."""
    return "tcg" in evidence.valid["accelerator"]


def _cells(claim: Claim, evidence: Evidence, runtime: str, threads: int | None) -> Iterator[CellTrials]:
    """Cells with trials that the claim is about.

    A sort of fewer numbers than the study's is another task, and another build of a service another program.
    """
    for row in evidence.cells:
        workload, language = split_service(row.cell.service)
        if (
            len(row.trials)
            and not is_variant(row.cell.service)
            and row.cell.slug not in evidence.excluded_cells
            and claim.workload in ("", workload)
            and (not claim.languages or language in claim.languages)
            and threads in (None, row.cell.threads)
            and row.cell.array_length in (None, study_array_length())
            and row.runtime == runtime
        ):
            yield row


def _ratios(claim: Claim, evidence: Evidence, pairs: Sequence[Pair]) -> Iterator[Result]:
    for runtime, base in _matching_pairs(claim, evidence, pairs):
        interval = _ratio(claim, evidence, runtime, base)
        if interval:
            yield _of_ratio(_name(runtime, base), interval, runtime, base)


def _extras(claim: Claim, evidence: Evidence, pairs: Sequence[Pair]) -> Iterator[Result]:
    for runtime, base in _matching_pairs(claim, evidence, pairs):
        metrics = [_metric(claim, side) for side in (runtime, base)]
        if all(metrics):
            other, of_base = (
                np.asarray(side.values(metric))
                for side, metric in zip((runtime, base), metrics, strict=True)
                if metric
            )
            value = float(other.mean() - of_base.mean())
            low, high = -math.inf, math.inf
            if min(len(other), len(of_base)) >= MINIMUM_BOOTS:
                width = float(welch_estimate(other, of_base).half_width())
                if math.isfinite(width):
                    low, high = value - width, value + width
            yield Result(_name(runtime, base), value, low, high)


def _scalings(claim: Claim, evidence: Evidence, pairs: Sequence[Pair]) -> Iterator[Result]:
    cells = list(_cells(claim, evidence, claim.runtime, None))
    for more, one in thread_pairs(cells):
        if (more.cell.threads, one.cell.threads) == (claim.threads, claim.threads_base):
            interval = _ratio(claim, evidence, more, one)
            if interval:
                of = f"{more.cell.service} {more.cell.arm}, {more.cell.threads} / {one.cell.threads} threads"
                yield _of_ratio(of, interval, more, one)


def _ratio(claim: Claim, evidence: Evidence, other: CellTrials, base: CellTrials) -> RatioInterval | None:
    """The blocked ratio of one metric; kinds of memory differ between runtimes and share no block table."""
    if claim.metric != "memory":
        metric = _metric(claim, other)
        return BlockTable(evidence.every_cell, metric).ratio(other, base) if metric else None
    values = [_values(claim, side) for side in (other, base)]
    return ratio_of_means_interval(*values) if all(values) else None


def _values_of_cells(claim: Claim, evidence: Evidence, pairs: Sequence[Pair]) -> Iterator[Result]:
    for cell in _cells(claim, evidence, claim.runtime, claim.threads):
        values = _values(claim, cell)
        # An emulated CPU gives no absolute time.
        if values and "tcg" not in cell.trials["accelerator"]:
            yield Result(f"{cell.cell.service} {cell.cell.arm}", *mean_interval(values))


def _crashes(claim: Claim, evidence: Evidence, pairs: Sequence[Pair]) -> Iterator[Result]:
    """Crashes and hangs alike: the study counts an image that stops answering, whatever it died of.

    Every recorded boot bears on it: to leave out those that ended badly would leave out the answer.
    """
    about = (pl.col("runtime") == claim.runtime) & (pl.col("workload") == claim.workload)
    if claim.threads is not None:
        about &= pl.col("threads") == claim.threads
    for row in stability(evidence.trials.filter(about)):
        if row.requests and not is_variant(row.cell.service):
            events, millions = row.crashed + row.hung, row.requests / MILLION
            of = f"{row.cell.service} {row.cell.arm}"
            yield Result(of, events / millions, *poisson_rate_interval(events, millions))


def _matching_pairs(
    claim: Claim, evidence: Evidence, pairs: Sequence[Pair]
) -> Iterator[tuple[CellTrials, CellTrials]]:
    """Comparable pairs of the claim's runtime and its base, in that order."""
    runtimes = {row.cell.slug for row in _cells(claim, evidence, claim.runtime, claim.threads)}
    bases = {row.cell.slug for row in _cells(claim, evidence, claim.base, claim.threads)}
    for pair in pairs:
        for runtime, base in ((pair.other, pair.base), (pair.base, pair.other)):
            if runtime.cell.slug in runtimes and base.cell.slug in bases:
                yield runtime, base


def _values(claim: Claim, cell: CellTrials) -> Sequence[float]:
    metric = _metric(claim, cell)
    return cell.values(metric) if metric else []


def _metric(claim: Claim, cell: CellTrials) -> Metric | None:
    """The claim's metric; memory is the study's kind for the runtime, idle where it was read so."""
    if claim.metric != "memory":
        return next(metric for metric in METRICS if metric.key == claim.metric)
    kind = MEMORY_KINDS[cell.runtime]
    moments = [when for found, when in memory_kinds(cell.trials) if found == kind]
    return memory_metric(kind, min(moments)) if moments else None


def _name(runtime: CellTrials, base: CellTrials) -> str:
    return f"{runtime.cell.service} {runtime.cell.arm} / {base.cell.arm}"


def _of_ratio(of: str, found: RatioInterval, *cells: CellTrials) -> Result:
    return Result(of, found.ratio, found.low, found.high, tuple(row.cell.slug for row in cells))


_MEASURES: dict[str, Callable[[Claim, Evidence, Sequence[Pair]], Iterator[Result]]] = {
    "ratio": _ratios,
    "scaling": _scalings,
    "extra": _extras,
    "value": _values_of_cells,
    "crashes": _crashes,
}
