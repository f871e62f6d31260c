"""All claims against one source of evidence: the study's own and those of its repetition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import polars as pl

from analysis.checks.evidence import Evidence
from analysis.verdicts.claims import Claim, repetition_claims, study_claims
from analysis.verdicts.judge import ClaimVerdict, judge_claims
from analysis.verdicts.repetition import repetitions


@cache
def all_claims() -> tuple[Claim, ...]:
    """The study's claims, then those of the maintainer's repetition."""
    return (*study_claims(), *repetition_claims(repetitions()))


def verdicts_of(evidence: Evidence) -> list[ClaimVerdict]:
    """What ``evidence`` shows of every claim."""
    return judge_claims(all_claims(), evidence)


def verdicts_of_repetition() -> list[list[ClaimVerdict]]:
    """What the maintainer's runs show of the study's claims, by the place of his client."""
    return [judge_claims(study_claims(), evidence) for evidence in repetitions()]


def verdict_table(verdicts: Sequence[ClaimVerdict]) -> pl.DataFrame:
    """One row per claim and result; a claim without a result has one row. Infinite ends are null.

    ``conditions`` is "" for a result under the claim's own; a result elsewhere decides nothing.
    """
    rows = []
    for row in verdicts:
        for result in (*row.results, *row.elsewhere) or (None,):
            seen = (result.value, result.low, result.high) if result else (None, None, None)
            rows.append(
                (
                    *(row.claim.id, row.claim.claimed_by, row.claim.text, row.claim.place),
                    row.claim.same_as or None,
                    row.claim.answerable,
                    *map(_finite, (row.claim.low, row.claim.high)),
                    *(row.source, row.verdict, result.of if result else None),
                    *map(_finite, seen),
                    result.elsewhere if result else None,
                    row.why or None,
                )
            )
    text, real = pl.String(), pl.Float64()
    schema: dict[str, pl.DataType] = {"claim": text, "claimed_by": text, "what": text, "place": text}
    schema |= {"same_as": text, "answerable": pl.Boolean()}
    schema |= {"tolerance_low": real, "tolerance_high": real, "source": text, "verdict": text, "of": text}
    schema |= {"value": real, "low": real, "high": real, "conditions": text, "why": text}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
