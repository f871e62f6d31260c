"""What was measured: every boot, by metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.estimates.rank import samples_needed
from analysis.page import tables, work_tables
from analysis.page.facts import PageFacts
from analysis.page.section import Section
from analysis.page.tables import Table
from analysis.records.latency import PERCENTILES
from analysis.records.metrics import memory_kinds, memory_metric
from analysis.records.tables import footprints_table


@dataclass(frozen=True)
class StudyFigures(Section):
    """The study's figures from our data."""

    id = "study"
    nav = "The study's figures"

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls()


@dataclass(frozen=True)
class Throughput(Section):
    """Throughput, and means of every cell."""

    id = "throughput"
    nav = "Throughput"

    overview: Table

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(tables.means_of_everything(facts.evidence.cells, facts.labels))


@dataclass(frozen=True)
class Work(Section):
    """Instructions per request."""

    id = "work"
    nav = "Work per request"

    work_difference: Table | None
    work_bracket: Table | None
    omitted_seconds: str

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(
            work_tables.difference_table(facts.comparisons, facts.labels),
            work_tables.bracket_table(facts.comparisons, facts.labels),
            work_tables.omitted_seconds(facts.evidence.valid),
        )


@dataclass(frozen=True)
class Latency(Section):
    """Percentiles, and their limits over boots."""

    id = "latency"
    nav = "Latency"

    latency: Table
    percentile_rules: list[tuple[str, int]]

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls(
            tables.latency_table(facts.evidence.cells, facts.windows, facts.labels),
            [(f"p{value:g}", samples_needed(value)) for value in PERCENTILES],
        )


@dataclass(frozen=True)
class Memory(Section):
    """Memory by kind and moment."""

    id = "memory"
    nav = "Memory"

    kinds: Table
    memory: Table | None

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        metrics = [memory_metric(*kind) for kind in memory_kinds(facts.evidence.valid)]
        means = tables.cell_means(facts.evidence.cells, metrics, facts.labels) if metrics else None
        return cls(tables.kinds_table(footprints_table(facts.results)), means)


@dataclass(frozen=True)
class Boot(Section):
    """Boot time and image size."""

    id = "boot"
    nav = "Boot time and image size"

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls()


@dataclass(frozen=True)
class Time(Section):
    """Seconds of every boot."""

    id = "time"
    nav = "Throughput over time"

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        return cls()
