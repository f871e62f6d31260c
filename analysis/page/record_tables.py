"""Tables of what the records state: trials in running order, caps, instances, hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from analysis.checks.evidence import Evidence
from analysis.formatting import NOTHING, number
from analysis.page.labels import Labels
from analysis.page.tables import ARM, MOST_TRIALS_LISTED, SERVICE, Column, Table, cell_names, key_of, numbers
from analysis.records.cells import CellTrials
from analysis.records.metrics import FIRST_ANSWER, MEAN_RESPONSE, RESPONSES, THROUGHPUT
from analysis.records.results import Results, distinct
from analysis.records.tables import host_facts
from contracts.trial import CapReading, TrialRecord

_MOST_VALUES = 6


def trials_table(evidence: Evidence, labels: Labels) -> Table:
    """Recorded trials in running order, with what the generator's verdict rests on."""
    columns = [
        *numbers("trial", "block", "position"),
        SERVICE,
        ARM,
        Column("ended"),
        Column("verdict", "prose"),
        Column("window"),
    ]
    metrics = (THROUGHPUT, MEAN_RESPONSE, RESPONSES["p99"], FIRST_ANSWER)
    columns += numbers(*(f"{metric.title} ({metric.unit})" for metric in metrics))
    columns += numbers("Little residual (%)", "generator CPU (% of a core)")
    shown = evidence.trials.head(MOST_TRIALS_LISTED)
    values = shown.select(metric.expression.cast(pl.Float64).alias(metric.key) for metric in metrics)
    rows = []
    for row, figures in zip(shown.iter_rows(named=True), values.iter_rows(), strict=True):
        steady = evidence.steadiness.get(row["trial_id"])
        residual = row["little_residual"]
        rows.append(
            [
                row["trial_id"],
                str(row["block"]),
                str(row["position"]),
                *cell_names(key_of(row), labels),
                row["end"],
                row["verdict"] or NOTHING,
                steady.kind if steady else NOTHING,
                *map(number, figures),
                NOTHING if residual is None else f"{residual * 100:+.1f}",
                number(row["generator_cpu_percent"]),
            ]
        )
    return Table(columns, rows)


def caps_table(cells: Sequence[CellTrials], records: Mapping[str, TrialRecord], labels: Labels) -> Table:
    """Caps asked for, and those that the system stated; ``records`` by trial id."""
    columns = [
        SERVICE,
        ARM,
        Column("asked for"),
        Column("read back", "prose"),
        Column("CPUs the kernel sees"),
    ]
    rows = []
    for cell in cells:
        found = [records[trial_id] for trial_id in cell.ids]
        read = {
            (row.resource, row.kind, row.value, row.unit): row
            for record in found
            if record.caps
            for row in record.caps.read_back
        }
        seen = [str(record.instance.vcpus) for record in found if record.instance]
        if found:
            rows.append(
                [
                    *cell_names(cell.cell, labels),
                    f"{cell.cell.cpus:g} CPU, {cell.cell.memory_mib} MiB",
                    "; ".join(distinct([_reading(row) for row in read.values()])) or "nothing",
                    ", ".join(distinct(seen)),
                ]
            )
    return Table(columns, rows)


def instance_table(cells: Sequence[CellTrials], records: Mapping[str, TrialRecord], labels: Labels) -> Table:
    """What was booted in each cell: every value that any of its boots states."""
    columns = [SERVICE, ARM, Column("accelerator"), Column("processor"), Column("host")]
    columns += [Column("its CPUs"), Column("network", "prose"), Column("kernel", "prose")]
    columns.append(Column("command line", "prose"))
    columns += [Column(title, "hash") for title in ("artifact SHA-256", "image SHA-256")]
    names = ["accelerator", "processor", "host", "cpu_list", "network_path", "kernel", "command_line"]
    names += ["artifact_sha256", "image_sha256"]
    rows = []
    for cell in cells:
        found = [instance for trial_id in cell.ids if (instance := records[trial_id].instance)]
        if found:
            parts = ([str(getattr(instance, name)) or "all" for instance in found] for name in names)
            rows.append(
                [*cell_names(cell.cell, labels), *("; ".join(_few(distinct(part))) for part in parts)]
            )
    return Table(columns, rows)


def host_table(results: Results) -> Table:
    """Facts of every host; one that changed between trials shows all its values."""
    facts: dict[tuple[str, str], list[str]] = {}
    for record in results.records:
        for host, content in record.provenance.items():
            for key, value in host_facts(content):
                facts.setdefault((host, key), []).append(value)
    rows = []
    for (host, key), values in facts.items():
        different = distinct(values)
        text = (
            different[0] if len(different) == 1 else "differs between trials: " + "; ".join(_few(different))
        )
        rows.append([host, key, text])
    return Table([Column("host"), Column("fact"), Column("value", "prose")], sorted(rows))


def _reading(row: CapReading) -> str:
    value = f"{row.value:,.10g}" if isinstance(row.value, float) else row.value
    return f"{row.resource} {row.kind} {value} {row.unit}"


def _few(values: Sequence[str]) -> list[str]:
    """The first values, and how many more there are."""
    rest = len(values) - _MOST_VALUES
    return [*values[:_MOST_VALUES], *([f"and {rest} more"] if rest > 0 else [])]
