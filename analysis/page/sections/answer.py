"""The first screen: two sentences, one table, what is undecided and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from analysis.page import wording
from analysis.page.facts import PageFacts
from analysis.page.first_screen import (
    Heading,
    ServiceLines,
    headings,
    open_questions,
    service_lines,
)
from analysis.page.section import Section
from analysis.page.summary import UNIKERNELS, summary
from analysis.page.work_tables import ENTRIES, TOTAL, mean_of
from analysis.records.metrics import WORK
from analysis.records.results import distinct
from contracts.arms import arm_named
from contracts.platforms import PLATFORMS

_GUEST_ALONE = (
    "The work of a guest is counted without its device model and its host's network path, "
    "that of a container with its whole host."
)


@dataclass(frozen=True)
class Answer(Section):
    """What came out, for a reader with one minute."""

    id = "answer"
    nav = "In short"

    summary: list[str]
    control: str
    headings: Sequence[Heading]
    services: Sequence[ServiceLines]
    processor: list[str]
    undecided: list[str]
    also_undecided: list[str]
    missing: list[tuple[str, str]]
    memory_compared: bool
    running: bool

    @classmethod
    def of(cls, facts: PageFacts) -> Self:
        """The content for one page."""
        rows, labels = facts.answers, facts.labels
        emulated = facts.emulated
        primary = {
            (row.comparison.metric.key, row.comparison.pair.other.cell.slug) for row in facts.decisions
        }
        return cls(
            summary=summary(rows, labels, emulated=emulated),
            control=facts.study.headline_against,
            headings=headings(rows, emulated=emulated),
            services=service_lines(rows, _different_work(facts), labels, emulated=emulated),
            processor=[*wording.cautions(facts.results), *_scope(facts)],
            undecided=[
                f"{labels.service(row.comparison.pair.base.cell)}: {wording.sentence(row)}"
                for row in facts.decisions
                if row.outcome == "undecided"
            ],
            also_undecided=open_questions(rows, primary, labels),
            missing=_missing(facts),
            memory_compared=any(
                answer.metric.key.startswith("memory_") and answer.comparison
                for row in rows
                for answer in row.answers
            ),
            running=facts.running,
        )


def _different_work(facts: PageFacts) -> set[frozenset[str]]:
    """Pairs of cells whose instructions per request are shown to differ."""
    return {
        frozenset((row.pair.other.cell.slug, row.pair.base.cell.slug))
        for row in facts.comparisons.get(WORK.key, ())
        if facts.word(row) in ("higher", "lower")
    }


def _scope(facts: PageFacts) -> list[str]:
    """What the counts of a guest and of a container hold, where that is not the same."""
    counted = [row.cell for row in facts.answers if mean_of(row.cell, TOTAL)]
    guests = [row for row in counted if PLATFORMS[arm_named(row.cell.arm).platform].is_guest]
    alone = [row for row in guests if not mean_of(row, ENTRIES)]
    return [_GUEST_ALONE] if alone and len(counted) > len(guests) else []


def _missing(facts: PageFacts) -> list[tuple[str, str]]:
    """What the answer lacks, and the remedy."""
    results, evidence = facts.results, facts.evidence
    found = [(row.arm, f"not run: {row.why}. Remedy: {row.remedy}.") for row in results.campaign.not_run]
    found += [(row.arm, f"waits: {row.why}. Remedy: {row.remedy}.") for row in results.waiting]
    planned = {arm_named(arm).runtime for arm in facts.study.arms}
    if not planned & set(UNIKERNELS):
        found.append(("unikernel", "the study has none. Remedy: add an arm such as osv-qemu to its arms."))
    for row in evidence.cells:
        if row.state == "no valid trial":
            remedy = "Remedy: see What does not count, and run the campaign again."
            found.append((facts.labels.service(row.cell), f"{row.cell.arm} has no valid trial. {remedy}"))
    for answers in facts.answers:
        if answers.why_not:
            name = facts.labels.service(answers.cell.cell)
            found.append((name, f"{answers.cell.cell.arm} is not compared: {answers.why_not}."))
    if results.records and not evidence.valid.is_empty() and not WORK.values(evidence.valid):
        reasons = distinct([text for text in evidence.valid["why_no_work"].drop_nulls().to_list() if text])
        why = "; ".join(reasons) or "the records hold no counts"
        found.append(("work per request", f"not counted: {why}."))
    if results.to_do:
        found.append(
            ("boots", f"{len(results.to_do)} planned trials are still to do; nothing is decided yet.")
        )
    return found
