"""The report's tables: titles, columns with units, and cells as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis.compare import Comparison, Refusal
from analysis.histograms import percentiles
from analysis.labels import Labels
from analysis.metrics import (
    FIRST_ANSWER,
    IMAGE_SIZE,
    MEAN_RESPONSE,
    P99_RESPONSE,
    THROUGHPUT,
    Metric,
)
from analysis.results import CellResults, Results, distinct
from analysis.stability import Stability
from analysis.statistics import geometric_mean
from analysis.wording import NOTHING, interval, number, ratio, verdict
from contracts.campaign import Campaign
from contracts.study import Cell
from contracts.trial import CapReading


@dataclass(frozen=True)
class Column:
    """Numbers are set flush right, names on one line; prose may wrap."""

    title: str
    kind: Literal["name", "number", "prose"] = "name"


@dataclass(frozen=True)
class Table:
    """Rows of text, one cell per column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


_SERVICE, _ARM = Column("service"), Column("arm")


def _numbers(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title, "number") for title in titles)


def cell_means(cells: Sequence[CellResults], metrics: Sequence[Metric], labels: Labels) -> Table:
    """Geometric means over boots of several metrics, one row per cell."""
    columns = [_SERVICE, _ARM, *_numbers("boots", *(f"{row.title} ({row.unit})" for row in metrics))]
    rows = []
    for cell in cells:
        means = [number(geometric_mean(metric.values(cell.trials))) for metric in metrics]
        rows.append([*_cell_names(cell.cell, labels), _boots(cell), *means])
    return Table(columns, rows)


def latency_table(cells: Sequence[CellResults], windows: Mapping[str, Any], labels: Labels) -> Table:
    """Percentiles of the merged histograms; ``windows`` by cell slug."""
    columns = [_SERVICE, _ARM, *_numbers("boots", "answers")]
    columns += _numbers("p50 (ms)", "p90 (ms)", "p99 (ms)", "p99.9 (ms)", "max (ms)")
    rows = []
    for cell in cells:
        if cell.cell.slug not in windows:
            continue
        histogram = windows[cell.cell.slug]
        values = [
            "insufficient" if row.value_ms is None else number(row.value_ms) for row in percentiles(histogram)
        ]
        answers = f"{histogram.get_total_count():,}"
        rows.append([*_cell_names(cell.cell, labels), _boots(cell), answers, *values])
    return Table(columns, rows)


def ratio_table(comparisons: Sequence[Comparison], labels: Labels) -> Table:
    """One row per pair, with the means that the ratio divides."""
    unit = comparisons[0].metric.unit
    columns = [_SERVICE, Column("ratio of"), *_numbers(f"means ({unit})", "boots", "ratio")]
    columns += _numbers("95 % interval", "degrees of freedom", "Cliff's delta")
    columns.append(Column("so the first is"))
    rows = []
    for row in comparisons:
        sides = (row.pair.other, row.pair.base)
        means = [number(geometric_mean(row.metric.values(side.trials))) for side in sides]
        found = row.interval
        rows.append(
            [
                labels.service(row.pair.base.cell),
                f"{row.pair.other.cell.arm} / {row.pair.base.cell.arm}",
                " / ".join(means),
                f"{found.boots_other} / {found.boots_base}",
                ratio(found.ratio),
                interval(found),
                number(found.degrees_of_freedom),
                f"{row.delta:+.2f}",
                verdict(found),
            ]
        )
    return Table(columns, rows)


def refusal_table(refusals: Sequence[Refusal], labels: Labels) -> Table:
    """Pairs that are not compared."""
    columns = [_SERVICE, Column("arms"), Column("why they are not compared", "prose")]
    rows = [[labels.service(row.cell), f"{row.other} / {row.base}", row.reason] for row in refusals]
    return Table(columns, rows)


def kinds_table(cells: Sequence[CellResults]) -> Table:
    """Where each kind of memory reading came from."""
    sources: dict[str, list[str]] = {}
    for cell in cells:
        for record in cell.trials:
            for row in record.footprints:
                sources.setdefault(row.kind, []).append(row.source)
    rows = [[kind, "; ".join(distinct(found))] for kind, found in sorted(sources.items())]
    return Table([Column("kind"), Column("read from", "prose")], rows)


def not_run_table(campaign: Campaign) -> Table:
    """Arms that the laboratory cannot run."""
    columns = [Column("arm"), Column("why", "prose"), Column("remedy", "prose")]
    return Table(columns, [[row.arm, row.why, row.remedy] for row in campaign.not_run])


def excluded_table(results: Results, labels: Labels) -> Table:
    """Trials that ran and do not count."""
    columns = [Column("trial"), _SERVICE, _ARM, Column("ended"), Column("why it does not count", "prose")]
    rows = []
    for trial in results.excluded:
        record = trial.record
        ended = record.end.state
        rows.append([record.id, *_cell_names(record.cell, labels), ended, trial.excluded])
    return Table(columns, rows)


def stability_table(found: Sequence[Stability], labels: Labels) -> Table:
    """Boots, errors and crash rates."""
    columns = [_SERVICE, _ARM]
    columns += _numbers("boots", "never answered", "crashed", "hung", "requests")
    columns += [Column("errors by kind")]
    columns += _numbers("crashes per million", "exact 95 % interval")
    rows = []
    for row in found:
        errors = ", ".join(f"{kind} {amount:,}" for kind, amount in row.errors.items()) or "none"
        limits = "insufficient"
        if row.requests:
            limits = f"{number(row.low_per_million)} to {number(row.high_per_million)}"
        counts = (row.boots, row.never_answered, row.crashed, row.hung, row.requests)
        rate = number(row.rate_per_million)
        rows.append(
            [*_cell_names(row.cell, labels), *(f"{amount:,}" for amount in counts), errors, rate, limits]
        )
    return Table(columns, rows)


def trials_table(results: Results, labels: Labels) -> Table:
    """Every recorded trial in running order, with what the generator's verdict rests on."""
    columns = [
        *_numbers("trial", "block", "position"),
        _SERVICE,
        _ARM,
        Column("ended"),
        Column("verdict", "prose"),
    ]
    metrics = (THROUGHPUT, MEAN_RESPONSE, P99_RESPONSE, FIRST_ANSWER)
    columns += _numbers(*(f"{metric.title} ({metric.unit})" for metric in metrics))
    columns += _numbers("Little residual (%)", "generator CPU (% of a core)")
    rows = []
    for trial in results.trials:
        record, load = trial.record, trial.record.load
        rows.append(
            [
                record.id,
                str(record.block),
                str(record.position),
                *_cell_names(record.cell, labels),
                record.end.state,
                load.verdict if load else NOTHING,
                *(number(metric.value(record)) for metric in metrics),
                f"{load.little_residual * 100:+.1f}" if load and load.little_residual is not None else NOTHING,
                number(load.generator.cpu_percent) if load else NOTHING,
            ]
        )
    return Table(columns, rows)


def caps_table(cells: Sequence[CellResults], labels: Labels) -> Table:
    """Caps asked for, and those that the system stated."""
    columns = [
        _SERVICE,
        _ARM,
        Column("asked for"),
        Column("read back", "prose"),
        Column("CPUs the kernel sees"),
    ]
    rows = []
    for cell in cells:
        read = [_reading(row) for record in cell.trials if record.caps for row in record.caps.read_back]
        seen = [str(record.instance.vcpus) for record in cell.trials if record.instance]
        if cell.trials:
            rows.append(
                [
                    *_cell_names(cell.cell, labels),
                    f"{cell.cell.cpus:g} CPU, {cell.cell.memory_mib} MiB",
                    "; ".join(distinct(read)) or "nothing",
                    ", ".join(distinct(seen)),
                ]
            )
    return Table(columns, rows)


def instance_table(cells: Sequence[CellResults], labels: Labels) -> Table:
    """What was booted in each cell: every value that any of its boots states."""
    columns = [_SERVICE, _ARM, Column("accelerator"), Column("host"), Column("kernel", "prose")]
    columns += [Column(title, "prose") for title in ("command line", "artifact SHA-256", "image SHA-256")]
    rows = []
    for cell in cells:
        found = [record.instance for record in cell.trials if record.instance]
        if found:
            parts: tuple[list[str], ...] = (
                [row.accelerator for row in found],
                [row.host for row in found],
                [row.kernel for row in found],
                [row.command_line for row in found],
                [row.artifact_sha256 for row in found],
                [row.image_sha256 for row in found],
            )
            rows.append([*_cell_names(cell.cell, labels), *("; ".join(distinct(part)) for part in parts)])
    return Table(columns, rows)


def host_table(results: Results) -> Table:
    """Facts of every host; one that changed between trials shows all its values."""
    facts: dict[tuple[str, str], list[str]] = {}
    for trial in results.trials:
        for host, content in trial.record.provenance.items():
            for key, value in _flat(content, ""):
                facts.setdefault((host, key), []).append(value)
    rows = []
    for (host, key), values in facts.items():
        different = distinct(values)
        text = different[0] if len(different) == 1 else "differs between trials: " + "; ".join(different)
        rows.append([host, key, text])
    return Table([Column("host"), Column("fact"), Column("value", "prose")], sorted(rows))


def means_of_everything(cells: Sequence[CellResults], labels: Labels) -> Table:
    """The overview: throughput, latency, boot and image of each cell."""
    return cell_means(cells, (THROUGHPUT, MEAN_RESPONSE, FIRST_ANSWER, IMAGE_SIZE), labels)


def _cell_names(cell: Cell, labels: Labels) -> tuple[str, str]:
    return cell.service, labels.arm(cell)


def _boots(cell: CellResults) -> str:
    return str(len(cell.trials)) if cell.trials else cell.state


def _reading(row: CapReading) -> str:
    value = f"{row.value:,.10g}" if isinstance(row.value, float) else row.value
    return f"{row.resource} {row.kind} {value} {row.unit}"


def _flat(content: object, prefix: str) -> list[tuple[str, str]]:
    if isinstance(content, dict):
        return [
            pair for key, value in content.items() for pair in _flat(value, f"{prefix}.{key}".lstrip("."))
        ]
    return [(prefix or "value", str(content))]
