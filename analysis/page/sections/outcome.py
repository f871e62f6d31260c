"""The headline: what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.page import wording
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from contracts.study import Study


@dataclass(frozen=True)
class Outcome(Section):
    """The primary comparisons, each in a sentence, and what the arms are."""

    id = "outcome"
    nav = "What came out"

    study: Study
    headline: str
    outcome: str
    digest: list[tuple[str, str]]
    findings: list[tuple[str, list[str]]]
    arms: list[tuple[str, str]]
    common_setting: str
    sorts: bool

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        study, decisions = facts.study, facts.decisions
        services: dict[str, list[str]] = {}
        for row in decisions:
            service = facts.labels.service(row.comparison.pair.base.cell)
            services.setdefault(service, []).append(wording.sentence(row))
        cells = facts.evidence.cells
        return cls(
            study=study,
            headline=study.headline_against,
            outcome=wording.outcome(decisions),
            digest=wording.digest(decisions),
            findings=list(services.items()),
            arms=[(name, wording.arm(name)) for name in study.arms],
            common_setting=facts.labels.common(cells[0].cell) if cells else "",
            sorts=any(cell.cell.array_length for cell in cells),
        )
