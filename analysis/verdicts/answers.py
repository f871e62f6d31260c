"""Each arm against the one that all are compared with, in the quantities that people decide by.

The primary comparisons of the study keep the outcome that the headline gave them. False discoveries among all
other ratios here are controlled together, so that a page rarely calls equal arms different.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.checks.evidence import Evidence
from analysis.estimates.comparisons import Comparison, compare
from analysis.estimates.discoveries import discoveries
from analysis.estimates.pairs import Pair, Refusal
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, geometric_mean
from analysis.records.cells import CellTrials
from analysis.records.metrics import (
    FIRST_ANSWER,
    IMAGE_SIZE,
    MEMORY_MOMENTS,
    RESPONSES,
    THROUGHPUT,
    WORK,
    Metric,
    instance_memory,
)
from analysis.verdicts.headline import Decision, against

Outcome = Literal["different", "same", "exact", "undecided", "still running", "not compared", "control"]
_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Answer:
    """One quantity of one arm.

    Attributes:
        mean: geometric mean over boots; None where no boot has a value.
        comparison: with the control; None for the control itself, and where the two are not compared.
        outcome: "exact" where every boot of an arm has the same value, as images have, so that there is
            nothing to estimate.
    """

    metric: Metric
    mean: float | None
    comparison: Comparison | None
    outcome: Outcome

    @property
    def decided(self) -> bool:
        """Whether the arms differ, or are shown not to."""
        return self.outcome in ("different", "same", "exact")

    @property
    def better(self) -> bool | None:
        """Whether the arm is better than the control; None where neither is shown to be."""
        if self.comparison is None or self.outcome not in ("different", "exact"):
            return None
        value = self.comparison.interval.ratio
        return None if self.equal else (value > 1) == self.metric.more_is_better

    @property
    def equal(self) -> bool:
        """Whether the arms are shown to be the same, or known to be within the same margin."""
        if self.comparison is None or self.outcome not in ("same", "exact"):
            return False
        size = abs(math.log(self.comparison.interval.ratio))
        return self.outcome == "same" or size <= math.log1p(EQUIVALENCE_MARGIN)


@dataclass(frozen=True)
class AnswerRow:
    """One cell. ``why_not``: why it is not compared with the control, "" where it is."""

    cell: CellTrials
    answers: tuple[Answer, ...]
    why_not: str = ""

    @property
    def is_control(self) -> bool:
        """Whether all others are compared with this cell."""
        return any(row.outcome == "control" for row in self.answers)

    def of(self, metric: Metric) -> Answer | None:
        """The answer in one quantity."""
        return next((row for row in self.answers if row.metric.key == metric.key), None)


def answer_metrics(evidence: Evidence) -> list[Metric]:
    """The quantities, without those that no trial has; memory under load where it was read so."""
    occupied = [instance_memory(when, evidence.valid) for when in reversed(MEMORY_MOMENTS)]
    memory = next((metric for metric in occupied if metric and metric.values(evidence.valid)), None)
    wanted = [WORK, THROUGHPUT, RESPONSES["p99"], memory, FIRST_ANSWER, IMAGE_SIZE]
    return [metric for metric in wanted if metric and metric.values(evidence.valid)]


def answers(
    against_arm: str,
    evidence: Evidence,
    comparisons: Mapping[str, Sequence[Comparison]],
    pairs_and_refusals: tuple[Sequence[Pair], Sequence[Refusal]],
    decisions: Sequence[Decision],
    *,
    running: bool,
) -> list[AnswerRow]:
    """Every cell that has trials, in the order of the evidence.

    Args:
        against_arm: the arm that all others are compared with.
        evidence, comparisons: of the campaign; comparisons by key of the metric.
        pairs_and_refusals: which arms are compared, and why others are not.
        decisions: of the headline.
        running: whether boots are still to come, so that nothing is decided.
    """
    metrics = answer_metrics(evidence)
    pairs, refusals = pairs_and_refusals
    known = {key: list(found) for key, found in comparisons.items()}
    if any(metric is IMAGE_SIZE for metric in metrics):
        known[IMAGE_SIZE.key] = compare(evidence, pairs, IMAGE_SIZE)
    found = {
        _key(row): row
        for metric in metrics
        for other in known.get(metric.key, ())
        if (row := against(other, against_arm))
    }
    outcomes = _outcomes(found, evidence, decisions, running=running)
    reasons = _reasons(refusals, against_arm)
    return [
        AnswerRow(
            cell,
            tuple(_answer(metric, cell, against_arm, found, outcomes) for metric in metrics),
            reasons.get((cell.cell.setting, cell.cell.arm), ""),
        )
        for cell in evidence.cells
        if len(cell.trials)
    ]


def outcome_of(found: Comparison, different: bool, allowed: float) -> Outcome:
    """How a comparison that no study named ended; ``allowed``: bias that its windows leave open."""
    if _varies_not(found):
        return "exact"
    widened = found.interval.widened(allowed)
    if widened.insufficient:
        return "undecided"
    if widened.same_within(EQUIVALENCE_MARGIN):
        return "same"
    return "different" if different else "undecided"


def _outcomes(
    found: Mapping[_Key, Comparison], evidence: Evidence, decisions: Sequence[Decision], *, running: bool
) -> dict[_Key, Outcome]:
    primary: dict[_Key, Outcome] = {_key(row.comparison): row.outcome for row in decisions}
    rest = {key: row for key, row in found.items() if key not in primary}
    allowances = [evidence.allowance(row.metric, row.pair.other, row.pair.base) for row in rest.values()]
    varying = [not _varies_not(row) for row in rest.values()]
    tested = [
        row.interval.p_value_beyond(allowed)
        for row, allowed, varies in zip(rest.values(), allowances, varying, strict=True)
        if varies
    ]
    rejected = iter(discoveries(tested))
    secondary: dict[_Key, Outcome] = {}
    for (key, row), allowed, varies in zip(rest.items(), allowances, varying, strict=True):
        ended = outcome_of(row, varies and next(rejected), allowed)
        secondary[key] = "still running" if running else ended
    return primary | secondary


def _answer(
    metric: Metric,
    cell: CellTrials,
    against_arm: str,
    found: Mapping[_Key, Comparison],
    outcomes: Mapping[_Key, Outcome],
) -> Answer:
    mean = geometric_mean(cell.values(metric))
    shown = None if math.isnan(mean) else mean
    if cell.cell.arm == against_arm:
        return Answer(metric, shown, None, "control")
    key = next((key for key in found if key[0] == metric.key and key[1] == cell.cell.slug), None)
    if key is None:
        return Answer(metric, shown, None, "not compared")
    return Answer(metric, shown, found[key], outcomes[key])


def _key(row: Comparison) -> _Key:
    return row.metric.key, row.pair.other.cell.slug, row.pair.base.cell.slug


def _varies_not(row: Comparison) -> bool:
    """Whether every boot has the same image: its ratio is known, not estimated."""
    sides = (row.pair.other, row.pair.base)
    return row.metric is IMAGE_SIZE and all(len(set(side.values(row.metric))) == 1 for side in sides)


def _reasons(refusals: Sequence[Refusal], against_arm: str) -> dict[tuple[object, str], str]:
    reasons: dict[tuple[object, str], str] = {}
    for row in refusals:
        if against_arm in (row.other, row.base):
            arm = row.other if row.base == against_arm else row.base
            reasons[(row.cell.setting, arm)] = row.reason
    return reasons
