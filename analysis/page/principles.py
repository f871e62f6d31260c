"""The eight principles of reproducible performance evaluation, and what this campaign does for each.

Papadopoulos et al., "Methodological principles for reproducible performance evaluation in cloud computing",
IEEE Transactions on Software Engineering 47, 2021 (first published 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.checks.evidence import Evidence
from analysis.estimates.comparisons import Comparison
from analysis.page.tables import Column, Table
from analysis.records.results import Results


def principles_table(results: Results, evidence: Evidence, comparisons: Sequence[Comparison]) -> Table:
    """One row per principle: whether it is met, and by what, read from the records."""
    boots = sorted({cell.trials.height for cell in evidence.cells if cell.trials.height})
    study = results.campaign.study
    known = sum(bool(record.provenance) and record.instance is not None for record in results.records)
    intervals = sum(not row.interval.insufficient for row in comparisons)
    services, arms = (
        len(study.services),
        len({cell.cell.arm for cell in evidence.cells if cell.trials.height}),
    )
    rows: list[tuple[str, bool, str]] = [
        (
            "1 Repeated experiments",
            bool(boots) and boots[0] >= 3,
            f"{_range(boots)} fresh boots per cell count, in seeded random order within blocks",
        ),
        (
            "2 Workload and configuration coverage",
            services > 1 and arms > 1,
            f"{services} services, {arms} arms, threads {', '.join(map(str, study.threads))}",
        ),
        (
            "3 Experimental setup description",
            known == len(results.records) > 0,
            f"{known} of {len(results.records)} records carry hosts, versions, hashes and command line",
        ),
        (
            "4 Open access artifact",
            True,
            "sources, study, raw records and histograms; this page is made from them by one command",
        ),
        (
            "5 Probabilistic result description",
            bool(results.latencies),
            "every boot shown, untrimmed percentile curves, seconds of each boot",
        ),
        (
            "6 Statistical evaluation",
            intervals > 0,
            f"{intervals} of {len(comparisons)} ratios of throughput have an interval over boots",
        ),
        ("7 Measurement units", True, "every figure, table and column names its unit"),
        (
            "8 Cost",
            False,
            "the laboratory rents nothing; memory and boots are given, money is not",
        ),
    ]
    columns = [Column("principle"), Column("met"), Column("by what", "prose")]
    return Table(columns, [[name, "yes" if met else "no", what] for name, met, what in rows])


def _range(boots: Sequence[int]) -> str:
    if not boots:
        return "no"
    return str(boots[0]) if boots[0] == boots[-1] else f"{boots[0]} to {boots[-1]}"
