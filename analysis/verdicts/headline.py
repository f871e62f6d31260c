"""The headline of a study: its primary comparisons, each decided or not, in one sentence's worth of facts.

The study's file and hash fix which comparisons these are. False discoveries among them are controlled;
every other figure of a report is exploratory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from analysis.checks.cells import describe
from analysis.checks.evidence import Evidence
from analysis.estimates.comparisons import Comparison
from analysis.estimates.discoveries import discoveries
from analysis.estimates.pairs import Pair
from analysis.estimates.power import boots_for, spread_of
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, RatioInterval
from contracts.study import Study

Outcome = Literal["different", "same", "undecided", "still running"]


@dataclass(frozen=True)
class Decision:
    """One primary comparison.

    Attributes:
        comparison: an arm over the one that the headline compares with.
        outcome: different (false discoveries controlled), the same within ``margin``, or neither.
        margin: of "same": 0.02 means that the 90 % interval is between 1 / 1.02 and 1.02.
        boots: of each arm that would decide an undecided one, by its present variation; None where no number
            of boots would, or where it is unknown.
        why: what prevents a decision, beside boots; "" for nothing.
    """

    comparison: Comparison
    outcome: Outcome
    margin: float = math.nan
    boots: int | None = None
    why: str = ""


def headline(
    study: Study, evidence: Evidence, comparisons: Mapping[str, Sequence[Comparison]], *, running: bool
) -> list[Decision]:
    """The primary comparisons, in the study's order.

    Args:
        study: names them.
        evidence: of the campaign.
        comparisons: all comparisons of it, by key of the metric.
        running: whether boots are still to come. An interval that is looked at many times errs more
            often than its level, so nothing is decided before the end.
    """
    primary = primary_comparisons(study, comparisons)
    margin = study.precision or EQUIVALENCE_MARGIN
    allowances = [evidence.allowance(row.metric, row.pair.other, row.pair.base) for row in primary]
    rejected = discoveries(
        [row.interval.p_value_beyond(allowed) for row, allowed in zip(primary, allowances, strict=True)]
    )
    if running:
        return [Decision(row, "still running") for row in primary]
    return [
        _decided(row, different, allowed, margin, evidence)
        for row, different, allowed in zip(primary, rejected, allowances, strict=True)
    ]


def primary_comparisons(study: Study, comparisons: Mapping[str, Sequence[Comparison]]) -> list[Comparison]:
    """Those that the study names, each arm over the one that all are compared with."""
    return [
        row
        for key in study.headline_metrics
        for found in comparisons.get(key, ())
        if (row := against(found, study.headline_against))
    ]


def against(found: Comparison, arm: str) -> Comparison | None:
    """The comparison with ``arm`` as its base; None where neither side is that arm."""
    if found.pair.base.cell.arm == arm:
        return found
    if found.pair.other.cell.arm != arm:
        return None
    pair = Pair(found.pair.base, found.pair.other, found.pair.note)
    return replace(
        found,
        pair=pair,
        interval=found.interval.inverted(),
        delta=-found.delta,
        medians=found.medians[::-1] if found.medians else None,
        bootstrap=found.bootstrap.inverted() if found.bootstrap else None,
    )


def _decided(row: Comparison, different: bool, allowed: float, margin: float, evidence: Evidence) -> Decision:
    found = row.interval.widened(allowed)
    if found.insufficient:
        return Decision(row, "undecided", why=_obstacle(row, evidence))
    shown = _shown_margin(row, allowed)
    if shown <= margin:
        return Decision(row, "same", margin=shown)
    if different:
        return Decision(row, "different")
    boots = boots_that_decide(row.interval, margin)
    return Decision(row, "undecided", boots=boots, why=_obstacle(row, evidence) if allowed else "")


def boots_that_decide(found: RatioInterval, margin: float = EQUIVALENCE_MARGIN) -> int | None:
    """Boots of each arm whose half-width excludes 1 if the ratio stays, or shows sameness within ``margin``.

    None where no number of boots does, or where there is no interval to plan from.
    """
    if found.insufficient:
        return None
    size = math.expm1(abs(math.log(found.ratio)))
    wanted = size if size >= margin else max(margin - size, margin / 3)
    return boots_for(spread_of(found), wanted)


def _shown_margin(row: Comparison, allowed: float) -> float:
    """The smallest margin within which two one-sided tests at 5 % each show the arms to be the same."""
    low, high = row.interval.ends(0.90)
    if not low > 0:
        return math.inf
    return math.expm1(max(-math.log(low), math.log(high)) + allowed)


def _obstacle(row: Comparison, evidence: Evidence) -> str:
    """Why the windows keep a comparison from being decided; "" where they do not."""
    if not row.metric.of_window:
        return ""
    stated = []
    for cell in (row.pair.other, row.pair.base):
        found = evidence.steadiness_of_cells.get(cell.cell.slug)
        if found and found.kind != "steady":
            stated.append(f"{cell.cell.arm}: {describe(found)}")
    return "; ".join(stated)
