"""The headline: what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.page import wording
from analysis.page.facts import PageFacts
from analysis.page.section import Section


@dataclass(frozen=True)
class Outcome(Section):
    """The primary comparisons, each in a sentence, and all ratios of throughput."""

    id = "outcome"
    nav = "Primary comparisons"

    headline: str
    outcome: str
    digest: list[tuple[str, str]]
    findings: list[tuple[str, list[str]]]

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        study, decisions = facts.study, facts.decisions
        services: dict[str, list[str]] = {}
        for row in decisions:
            service = facts.labels.service(row.comparison.pair.base.cell)
            services.setdefault(service, []).append(wording.sentence(row))
        return cls(
            headline=study.headline_against,
            outcome=wording.outcome(decisions),
            digest=wording.digest(decisions),
            findings=list(services.items()),
        )
