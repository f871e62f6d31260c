"""What the sections and figures of one page are made from; each part is computed once, on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from analysis.checks.evidence import Evidence
from analysis.estimates.block_table import BlockTable
from analysis.estimates.comparisons import Comparison, compare
from analysis.estimates.memory_break_even import BreakEvenRow, break_even_rows
from analysis.estimates.pairs import Pair, Refusal, find_pairs
from analysis.page import wording
from analysis.page.labels import Labels
from analysis.records import hdr
from analysis.records.emulation import is_emulated
from analysis.records.hdr import Histogram
from analysis.records.metrics import THROUGHPUT, metrics_of
from analysis.records.results import Results
from analysis.verdicts.answers import AnswerRow, answers
from analysis.verdicts.headline import Decision, headline
from contracts.study import Study


@dataclass(frozen=True)
class PageFacts:
    """A campaign, read and judged, and what follows from it."""

    results: Results
    evidence: Evidence

    @property
    def study(self) -> Study:
        """The campaign's study."""
        return self.results.campaign.study

    @property
    def running(self) -> bool:
        """Whether boots are still to come, so that nothing is decided yet."""
        return bool(self.results.to_do)

    @cached_property
    def emulated(self) -> bool:
        """Whether the times of any trial are those of an emulated processor."""
        return any(map(is_emulated, self.results.records))

    @cached_property
    def labels(self) -> Labels:
        """Short names of cells."""
        return Labels(row.cell for row in self.evidence.cells)

    @cached_property
    def windows(self) -> Mapping[str, Histogram]:
        """All boots' measured windows merged, by cell slug; cells without a log are absent."""
        latencies = self.results.latencies
        windows = {}
        for cell in self.evidence.cells:
            found = [latencies[trial_id].window for trial_id in cell.ids if trial_id in latencies]
            if found:
                windows[cell.cell.slug] = hdr.merge(found)
        return windows

    @cached_property
    def pairs_and_refusals(self) -> tuple[list[Pair], list[Refusal]]:
        """Pairs of arms that are compared, and those that are not."""
        return find_pairs(self.evidence)

    @cached_property
    def comparisons(self) -> dict[str, list[Comparison]]:
        """Every comparison, by key of the metric."""
        pairs, _ = self.pairs_and_refusals
        metrics = metrics_of(self.evidence.valid)
        return {metric.key: compare(self.evidence, pairs, metric, self.study.seed) for metric in metrics}

    @cached_property
    def decisions(self) -> list[Decision]:
        """The primary comparisons of the study."""
        return headline(self.study, self.evidence, self.comparisons, running=self.running)

    @cached_property
    def answers(self) -> list[AnswerRow]:
        """Each arm against the control, in the quantities that people decide by."""
        return answers(
            self.study.headline_against,
            self.evidence,
            self.comparisons,
            self.pairs_and_refusals,
            self.decisions,
            running=self.running,
        )

    def word(self, row: Comparison) -> str:
        """How a comparison ended, the same word wherever the page shows it."""
        if self._outcomes.get(_key(row)) == "undecided":
            return "undecided"
        allowed = self.evidence.allowance(row.metric, row.pair.other, row.pair.base)
        return wording.verdict(row.interval.widened(allowed), running=self.running)

    @cached_property
    def _outcomes(self) -> dict[tuple[str, str, str], str]:
        """Of the first screen and of the headline, which control false discoveries."""
        known: dict[tuple[str, str, str], str] = {
            _key(answer.comparison): answer.outcome
            for row in self.answers
            for answer in row.answers
            if answer.comparison
        }
        return known | {_key(row.comparison): row.outcome for row in self.decisions}

    @cached_property
    def break_evens(self) -> list[BreakEvenRow]:
        """Break-even of memory of every pair of a guest and a container."""
        throughput = BlockTable(self.evidence.every_cell, THROUGHPUT)
        return break_even_rows(self.pairs_and_refusals[0], self.study.seed, throughput)


def _key(row: Comparison) -> tuple[str, str, str]:
    """The same for a ratio and its inverse."""
    first, second = sorted((row.pair.other.cell.slug, row.pair.base.cell.slug))
    return row.metric.key, first, second
