"""Rules, what was found, what does not count, and stability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.checks.evidence import Evidence
from analysis.estimates.stability import stability
from analysis.page import tables
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from analysis.page.tables import Table
from analysis.records.results import Results
from contracts.campaign import Campaign


@dataclass(frozen=True)
class Checks(Section):
    """Every rule, and what was found beyond single trials."""

    id = "checks"
    nav = "Checks"

    rules: Table
    found: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(tables.rules_table(facts.evidence), tables.findings_table(facts.evidence.findings))


@dataclass(frozen=True)
class Excluded(Section):
    """Trials that do not count, arms that were not run, damaged files."""

    id = "excluded"
    nav = "What does not count"

    evidence: Evidence
    results: Results
    campaign: Campaign
    excluded: Table
    not_run: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(
            evidence=facts.evidence,
            results=facts.results,
            campaign=facts.results.campaign,
            excluded=tables.excluded_table(facts.evidence, facts.labels),
            not_run=tables.not_run_table(facts.results.campaign),
        )


@dataclass(frozen=True)
class Stability(Section):
    """Errors, crashes and hangs."""

    id = "stability"
    nav = "Stability"

    stability: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(tables.stability_table(stability(facts.evidence.trials), facts.labels))
