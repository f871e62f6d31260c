"""The report's tables: titles, columns with units, and cells as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from analysis.checks.cells import Finding, controls
from analysis.checks.evidence import Evidence
from analysis.checks.trials import RULES
from analysis.estimates.comparisons import Comparison
from analysis.estimates.pairs import Refusal
from analysis.estimates.rank import MedianInterval
from analysis.estimates.ratio import geometric_mean, upper_limit
from analysis.estimates.stability import Stability
from analysis.formatting import NOTHING, count, interval, number, ratio
from analysis.page.labels import Labels
from analysis.records.cells import CellKey, CellTrials
from analysis.records.hdr import Histogram
from analysis.records.latency import percentiles
from analysis.records.metrics import (
    FIRST_ANSWER,
    IMAGE_SIZE,
    MEAN_RESPONSE,
    RESPONSES,
    THROUGHPUT,
    Metric,
    memory_name,
)
from contracts.campaign import Campaign

# A page lists so many trials; the table of trials beside it (CSV) holds all of them.
MOST_TRIALS_LISTED = 300
_AGAINST_ITSELF = (
    "a cell against itself: the study's control, or its even blocks against its odd ones: no difference"
)


@dataclass(frozen=True)
class Column:
    """Numbers are set flush right, names on one line; prose may wrap, and hashes within a word."""

    title: str
    kind: Literal["name", "number", "prose", "hash"] = "name"


@dataclass(frozen=True)
class Table:
    """Rows of text, one cell per column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


SERVICE, ARM = Column("service"), Column("arm")


def numbers(*titles: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(Column(title, "number") for title in titles)


def cell_means(cells: Sequence[CellTrials], metrics: Sequence[Metric], labels: Labels) -> Table:
    """Geometric means over boots of several metrics, one row per cell."""
    columns = [SERVICE, ARM, *numbers("boots", *(f"{row.title} ({row.unit})" for row in metrics))]
    rows = []
    for cell in cells:
        means = [number(geometric_mean(cell.values(metric))) for metric in metrics]
        rows.append([*cell_names(cell.cell, labels), _boots(cell), *means])
    return Table(columns, rows)


def latency_table(cells: Sequence[CellTrials], windows: Mapping[str, Histogram], labels: Labels) -> Table:
    """Percentiles of the merged histograms, and limits of the tail over boots; ``windows`` by cell slug."""
    columns = [SERVICE, ARM, *numbers("boots", "answers")]
    columns += numbers("p50 (ms)", "p90 (ms)", "p99 (ms)", "p99.9 (ms)", "max (ms)")
    columns += numbers("p99 at most (ms)", "p99.9 at most (ms)")
    rows = []
    for cell in cells:
        if cell.cell.slug not in windows:
            continue
        histogram = windows[cell.cell.slug]
        found = percentiles(histogram)
        values = [_or_insufficient(row.value_ms) for row in found]
        limits = (upper_limit(cell.values(RESPONSES[name])) for name in ("p99", "p99.9"))
        bounds = [_or_insufficient(limit if math.isfinite(limit) else None) for limit in limits]
        answers = f"{histogram.total:,}"
        rows.append([*cell_names(cell.cell, labels), _boots(cell), answers, *values, *bounds])
    return Table(columns, rows)


def ratio_table(comparisons: Sequence[Comparison], verdicts: Sequence[str], labels: Labels) -> Table:
    """One row per pair, with the means that the ratio divides and a word of ``verdicts`` each."""
    unit = comparisons[0].metric.unit
    columns = [SERVICE, Column("ratio of"), *numbers(f"means ({unit})", "boots", "ratio")]
    columns += [
        *numbers("95 % interval"),
        Column("method"),
        *numbers("degrees of freedom", "Cliff's delta"),
    ]
    columns += [Column("so the first is"), *numbers("medians, exact intervals")]
    if any(row.bootstrap for row in comparisons):
        columns += numbers("bootstrap interval")
    rows = []
    for row, word in zip(comparisons, verdicts, strict=True):
        sides = (row.pair.other, row.pair.base)
        means = [number(geometric_mean(side.values(row.metric))) for side in sides]
        found = row.interval
        rows.append(
            [
                labels.service(row.pair.base.cell),
                f"{row.pair.other.cell.arm} / {row.pair.base.cell.arm}",
                " / ".join(means),
                f"{found.boots_other} / {found.boots_base}",
                ratio(found.ratio),
                interval(found),
                NOTHING if found.insufficient else found.method,
                number(found.degrees_of_freedom),
                f"{row.delta:+.2f}",
                word,
                " / ".join(map(_median, row.medians or ())),
            ]
        )
        if len(columns) > len(rows[-1]):
            rows[-1].append(interval(row.bootstrap) if row.bootstrap else NOTHING)
    return Table(columns, rows)


def refusal_table(refusals: Sequence[Refusal], labels: Labels) -> Table:
    """Pairs that are not compared."""
    columns = [SERVICE, Column("arms"), Column("why they are not compared", "prose")]
    rows = [[labels.service(row.cell), f"{row.other} / {row.base}", row.reason] for row in refusals]
    return Table(columns, rows)


def kinds_table(footprints: pl.DataFrame) -> Table:
    """Where each kind of memory reading came from; ``footprints``: tables.footprints_table."""
    sources = footprints.group_by("kind", maintain_order=True).agg(pl.col("read_from").unique()).sort("kind")
    rows = [[memory_name(kind), kind, "; ".join(sorted(found))] for kind, found in sources.iter_rows()]
    return Table([Column("memory", "prose"), Column("in records"), Column("read from", "prose")], rows)


def not_run_table(campaign: Campaign) -> Table:
    """Arms that the laboratory cannot run."""
    columns = [Column("arm"), Column("why", "prose"), Column("remedy", "prose")]
    return Table(columns, [[row.arm, row.why, row.remedy] for row in campaign.not_run])


def rules_table(evidence: Evidence) -> Table:
    """Every rule that a trial must meet, and how many failed it first."""
    failed = Counter(evidence.trials["failed"].to_list())
    rows = [[rule.name, rule.meaning, str(failed[rule.name])] for rule in RULES]
    compared = controls(evidence.cells, evidence.controls)
    reported = sum(row.check == "a/a" for row in evidence.findings)
    stated = (
        f"{reported} of {len(compared)} cells differ from themselves"
        if compared
        else "no cell has four boots"
    )
    rows.append(["a/a", _AGAINST_ITSELF, stated])
    unsteady = sum(row.kind != "steady" for row in evidence.steadiness_of_cells.values())
    meaning = "both halves of the measured windows of a cell are equal within 5 % (two one-sided tests)"
    rows.append(["steady", meaning, f"{count(unsteady, 'cell')} not shown to be"])
    return Table([Column("check"), Column("what must hold", "prose"), Column("fails", "number")], rows)


def findings_table(findings: Sequence[Finding]) -> Table:
    """What the checks found, damage and cells before trials; so many rows as a page lists of trials."""
    columns = [Column("check"), Column("so it is")]
    columns += [Column("subject", "prose"), Column("what was found", "prose")]
    ordered = sorted(findings, key=lambda row: row.subject.startswith("trial "))
    rows = [[row.check, row.severity, row.subject, row.what] for row in ordered[:MOST_TRIALS_LISTED]]
    if len(ordered) > len(rows):
        rest = f"and {len(ordered) - len(rows):,} more: python -m analysis check prints all"
        rows.append([NOTHING, NOTHING, NOTHING, rest])
    return Table(columns, rows)


def excluded_table(evidence: Evidence, labels: Labels) -> Table:
    """Trials that ran and do not count."""
    columns = [Column("trial"), SERVICE, ARM, Column("ended"), Column("rule")]
    columns.append(Column("why it does not count", "prose"))
    rows = [
        [row["trial_id"], *cell_names(key_of(row), labels), row["end"], row["failed"], row["why_not"]]
        for row in evidence.excluded.head(MOST_TRIALS_LISTED).iter_rows(named=True)
    ]
    return Table(columns, rows)


def stability_table(found: Sequence[Stability], labels: Labels) -> Table:
    """Boots, errors and crash rates."""
    columns = [SERVICE, ARM]
    columns += numbers("boots", "never answered", "crashed", "hung", "requests")
    columns += [Column("errors by kind")]
    columns += numbers("crashes per million", "exact 95 % interval")
    rows = []
    for row in found:
        errors = ", ".join(f"{kind} {amount:,}" for kind, amount in row.errors.items()) or "none"
        limits = "insufficient"
        if row.requests:
            limits = f"{number(row.low_per_million)} to {number(row.high_per_million)}"
        counts = (row.boots, row.never_answered, row.crashed, row.hung, row.requests)
        rate = number(row.rate_per_million)
        rows.append(
            [*cell_names(row.cell, labels), *(f"{amount:,}" for amount in counts), errors, rate, limits]
        )
    return Table(columns, rows)


def means_of_everything(cells: Sequence[CellTrials], labels: Labels) -> Table:
    """The overview: throughput, latency, boot and image of each cell."""
    return cell_means(cells, (THROUGHPUT, MEAN_RESPONSE, FIRST_ANSWER, IMAGE_SIZE), labels)


def cell_names(cell: CellKey, labels: Labels) -> tuple[str, str]:
    """What the columns SERVICE and ARM hold."""
    return cell.service, labels.arm(cell)


def key_of(row: Mapping[str, object]) -> CellKey:
    """The cell of a row of the table of trials."""
    return CellKey(**{name: row[name] for name in CellKey.__dataclass_fields__})  # type: ignore[arg-type]


def _boots(cell: CellTrials) -> str:
    return str(len(cell.trials)) if len(cell.trials) else cell.state


def _or_insufficient(value: float | None) -> str:
    return "insufficient" if value is None else number(value)


def _median(found: MedianInterval) -> str:
    if found.low is None or found.high is None:
        return f"{number(found.median)} (insufficient)"
    return f"{number(found.median)} ({number(found.low)} to {number(found.high)})"
