"""Verdicts on claims: by interval against the claim's tolerance, and only under the claim's conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.checks.evidence import Evidence
from analysis.verdicts.claims import NOT_MEASURED, Claim
from analysis.verdicts.conditions import required
from analysis.verdicts.measures import Measurements, Result

Verdict = Literal["reproduced", "contradicted", "inconclusive", "not measured"]

_WHY_NOT = {
    "absolute": "an absolute figure of another machine",
    "setup": "a condition of the study, not a result",
    "none": "not part of this laboratory",
}


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on one claim from one source.

    Attributes:
        results: those under the claim's conditions, on which the verdict rests.
        why: why there is no other verdict.
        elsewhere: results under other conditions. They decide nothing.
        counted: instructions per request of the same pairs: work that an emulated CPU counts rightly.
    """

    claim: Claim
    source: str
    verdict: Verdict
    results: tuple[Result, ...]
    why: str
    elsewhere: tuple[Result, ...] = ()
    counted: tuple[Result, ...] = ()


def judge_claims(claims: Sequence[Claim], evidence: Evidence) -> list[ClaimVerdict]:
    """One verdict per claim, in order."""
    by = Measurements(evidence)
    return [_judge(claim, by) for claim in claims]


def judge_results(claim: Claim, results: Sequence[Result]) -> tuple[Verdict, str]:
    """The rule, for results under the claim's conditions; and why there is no other verdict.

    Reproduced: every language that the claim names is measured, and every 95 % interval lies inside the
    tolerance. Contradicted: one interval lies wholly outside, at 1 - 5 % / L for L languages, so that a claim
    at the edge of its tolerance is contradicted in at most 5 % of cases. Times on an emulated CPU and windows
    that are not steady give neither.
    """
    if not results:
        return "not measured", "no comparable cells measure it here"
    sound = [row for row in results if not row.doubt and not row.emulated]
    doubts = list(dict.fromkeys(row.doubt for row in results if row.doubt))
    if len(sound) < len(results) and any(row.emulated for row in results):
        doubts.append("on an emulated CPU, whose times are no evidence")
    if any(row.outer_ends[0] > claim.high or row.outer_ends[1] < claim.low for row in sound):
        return "contradicted", "; ".join(doubts)
    missing = [name for name in claim.every_language if name not in {row.language for row in results}]
    inside = all(claim.low <= row.low and row.high <= claim.high for row in results)
    if inside and not doubts and not missing:
        return "reproduced", ""
    return "inconclusive", "; ".join(doubts) or _why_inconclusive(results, missing if inside else [])


def _why_inconclusive(results: Sequence[Result], missing: Sequence[str]) -> str:
    if missing:
        return f"it holds as far as measured; not measured for {', '.join(missing)}"
    if all(row.insufficient for row in results):
        return "too few boots"
    return "the interval reaches across the tolerance"


def _judge(claim: Claim, by: Measurements) -> ClaimVerdict:
    source = by.evidence.source
    if claim.measure in NOT_MEASURED:
        return ClaimVerdict(claim, source, "not measured", (), claim.note or _WHY_NOT[claim.measure])
    found = by.results(claim)
    here = tuple(row for row in found if not row.elsewhere)
    elsewhere = tuple(row for row in found if row.elsewhere)
    verdict, why = judge_results(claim, here)
    if verdict == "not measured" and elsewhere:
        why = f"not measured {required(claim)}"
    return ClaimVerdict(claim, source, verdict, here, why, elsewhere, tuple(by.counted(claim)))
