"""Every comparison of two arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from analysis.estimates.bootstrap import MINIMUM_BOOTS_FOR_BOOTSTRAP
from analysis.estimates.pairs import Pair
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, MINIMUM_BOOTS
from analysis.page import tables
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from analysis.page.tables import Table


@dataclass(frozen=True)
class Ratios(Section):
    """Ratios of every metric, and pairs that are not compared."""

    id = "ratios"
    nav = "Ratios between arms"

    ratios: list[tuple[str, Table]]
    notes: list[tuple[str, list[str]]]
    refusals: Table
    minimum_boots: int
    bootstrap_boots: int
    equivalence_percent: str

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        pairs, refusals = facts.pairs_and_refusals
        return cls(
            ratios=_ratio_tables(facts),
            notes=_notes(pairs, facts),
            refusals=tables.refusal_table(refusals, facts.labels),
            minimum_boots=MINIMUM_BOOTS,
            bootstrap_boots=MINIMUM_BOOTS_FOR_BOOTSTRAP,
            equivalence_percent=f"{EQUIVALENCE_MARGIN * 100:g}",
        )


def _ratio_tables(facts: PageFacts) -> list[tuple[str, Table]]:
    """Title and table of every metric that any pair has."""
    return [
        (rows[0].metric.title, tables.ratio_table(rows, list(map(facts.word, rows)), facts.labels))
        for rows in facts.comparisons.values()
        if rows
    ]


def _notes(pairs: Sequence[Pair], facts: PageFacts) -> list[tuple[str, list[str]]]:
    """Each note with the services and settings that it holds for."""
    services: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.note:
            services.setdefault(pair.note, []).append(facts.labels.service(pair.base.cell))
    return list(services.items())
