"""The claims of the study and of its repetition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.page import claim_tables
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from analysis.page.tables import Table
from analysis.verdicts.claims import MAINTAINER, STUDY
from analysis.verdicts.sources import verdicts_of, verdicts_of_repetition


@dataclass(frozen=True)
class Claims(Section):
    """Each claim with its verdict, and what others measured."""

    id = "claims"
    nav = "Claims"

    claim_counts: str
    claims: Table
    contradicted: list[tuple[str, list[str]]]
    repetition_counts: str
    repetition: Table
    conditions: Table
    unanswered: Table
    inconsistencies: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        ours, others = verdicts_of(facts.evidence), verdicts_of_repetition()
        of_study, repeated = (
            [[row for row in verdicts if row.claim.claimed_by == whose] for verdicts in (ours, *others)]
            for whose in (STUDY, MAINTAINER)
        )
        return cls(
            claim_counts=claim_tables.verdict_counts(of_study[0], running=facts.running),
            claims=claim_tables.claims_table(of_study[0], of_study[1:], running=facts.running),
            contradicted=[
                (verdicts[0].source, claim_tables.outside_tolerance(verdicts))
                for verdicts in of_study[1:]
                if verdicts
            ],
            repetition_counts=claim_tables.verdict_counts(repeated[0], running=facts.running),
            repetition=claim_tables.claims_table(repeated[0], [], running=facts.running),
            conditions=claim_tables.conditions_table(of_study[0], facts.evidence.valid),
            unanswered=claim_tables.unanswered_table(of_study[0]),
            inconsistencies=claim_tables.inconsistencies_table(),
        )
