"""A campaign in a notebook, in three lines::

    from analysis.notebook import Campaign
    campaign = Campaign("results/demo")
    campaign.ratios()

Every table is a polars DataFrame; the same figures as the command line prints.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import polars as pl

from analysis import commands
from analysis.estimates.comparisons import compare
from analysis.estimates.pairs import find_pairs
from analysis.records.metrics import metrics_of
from analysis.verdicts.sources import verdict_table, verdicts_of


class Campaign:
    """A campaign, read and judged. Raises InputError where there is none."""

    def __init__(self, directory: str | Path) -> None:
        self.source = commands.read(Path(directory))

    @property
    def trials(self) -> pl.DataFrame:
        """One row per trial; ``why_not`` is "" where it counts."""
        return self.source.evidence.trials

    @cached_property
    def seconds(self) -> pl.DataFrame:
        """Answers per second of each second of each trial."""
        return commands.TABLES["seconds"](self.source)

    @cached_property
    def percentiles(self) -> pl.DataFrame:
        """Percentiles of each trial."""
        return commands.TABLES["percentiles"](self.source)

    @property
    def findings(self) -> pl.DataFrame:
        """What the checks found beyond single trials."""
        rows = [(row.check, row.severity, row.subject, row.what) for row in self.source.evidence.findings]
        schema = dict.fromkeys(("check", "severity", "subject", "what"), pl.String)
        return pl.DataFrame(rows, schema=schema, orient="row")

    def ratios(self, metric: str = "") -> pl.DataFrame:
        """Ratios between arms with intervals: of one metric by its key, or of all."""
        evidence = self.source.evidence
        pairs, _ = find_pairs(evidence)
        wanted = [row for row in metrics_of(evidence.valid) if metric in ("", row.key)]
        seed = self.source.results.campaign.study.seed
        return commands.comparison_table(
            [row for one in wanted for row in compare(evidence, pairs, one, seed)]
        )

    def claims(self) -> pl.DataFrame:
        """Every claim of the study and of its repetition, with a verdict."""
        return verdict_table(verdicts_of(self.source.evidence))
