"""Up to how many containers unikernels need less memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.page import claim_tables
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from analysis.page.tables import Table


@dataclass(frozen=True)
class BreakEven(Section):
    """Break-even of memory, and the memory of the two hosts."""

    id = "break-even"
    nav = "Break-even"

    hosts_in_use: str
    break_even: Table | None

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        rows = facts.break_evens
        return cls(
            claim_tables.hosts_in_words([row.pair for row in rows]),
            claim_tables.break_even_table(rows, facts.labels) if rows else None,
        )
