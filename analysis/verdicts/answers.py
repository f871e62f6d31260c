"""All claims against one source of evidence: the study's own and those of its repetition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import polars as pl

from analysis.checks.evidence import Evidence
from analysis.verdicts.claims import Claim, repetition_claims, study_claims
from analysis.verdicts.judge import Answer, answer
from analysis.verdicts.repetition import repetitions


@cache
def all_claims() -> tuple[Claim, ...]:
    """The study's claims, then those of the maintainer's repetition."""
    return (*study_claims(), *repetition_claims(repetitions()))


def answers_of(evidence: Evidence) -> list[Answer]:
    """What ``evidence`` says of every claim."""
    return answer(all_claims(), evidence)


def answers_of_repetition() -> list[list[Answer]]:
    """What the maintainer's runs say of the study's claims, by the place of his client."""
    return [answer(study_claims(), evidence) for evidence in repetitions()]


def answer_table(answers: Sequence[Answer]) -> pl.DataFrame:
    """One row per claim and result; a claim without a result has one row. Infinite ends are null."""
    rows = []
    for row in answers:
        for result in row.results or (None,):
            seen = (result.value, result.low, result.high) if result else (None, None, None)
            rows.append(
                (
                    *(row.claim.id, row.claim.said_by, row.claim.text, row.claim.place),
                    *map(_finite, (row.claim.low, row.claim.high)),
                    *(row.source, row.verdict, result.of if result else None),
                    *map(_finite, seen),
                    row.why or None,
                )
            )
    text, real = pl.String(), pl.Float64()
    schema: dict[str, pl.DataType] = {"claim": text, "said_by": text, "what": text, "place": text}
    schema |= {"tolerance_low": real, "tolerance_high": real, "source": text, "verdict": text, "of": text}
    schema |= {"value": real, "low": real, "high": real, "why": text}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
