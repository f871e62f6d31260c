"""One CSV row per recorded trial: tidy, with units in the column names."""

from __future__ import annotations

import csv
from typing import TextIO

from analysis.metrics import footprint_bytes
from analysis.results import Results, Trial
from contracts.study import Cell
from contracts.trial import TrialRecord

Value = str | int | float | None


def write_table(results: Results, stream: TextIO) -> None:
    """Write the header and the rows; parts that a trial did not reach are empty."""
    records = [trial.record for trial in results.trials]
    kinds: list[tuple[str, str]] = sorted(
        {(row.kind, row.when) for record in records for row in record.footprints}
    )
    errors = sorted({kind for record in records if record.load for kind in record.load.errors})
    rows = [_row(trial, kinds, errors) for trial in results.trials]
    header = list(rows[0]) if rows else ["trial_id"]
    writer = csv.DictWriter(stream, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _row(trial: Trial, kinds: list[tuple[str, str]], errors: list[str]) -> dict[str, Value]:
    record = trial.record
    row: dict[str, Value] = {"trial_id": record.id, "block": record.block, "position": record.position}
    row |= {key: getattr(record.cell, key) for key in Cell.model_fields}
    row |= {"end": record.end.state, "counts": str(not trial.excluded).lower(), "why_not": trial.excluded}
    row |= {"started_at": record.started_at.isoformat(), "ended_at": record.ended_at.isoformat()}
    row |= _instance(record) | _load(record)
    for kind, when in kinds:
        row[f"memory_{kind}_{when}_bytes"] = footprint_bytes(record, kind, when)
    for kind in errors:
        row[f"errors_{kind}"] = record.load.errors.get(kind, 0) if record.load else None
    return row


def _instance(record: TrialRecord) -> dict[str, Value]:
    instance = record.instance
    return {
        "accelerator": instance.accelerator if instance else None,
        "vcpus": instance.vcpus if instance else None,
        "artifact_sha256": instance.artifact_sha256 if instance else None,
        "image_sha256": instance.image_sha256 if instance else None,
        "image_bytes": instance.image_bytes if instance else None,
        "first_answer_ms": record.boot.first_answer_ms if record.boot else None,
    }


def _load(record: TrialRecord) -> dict[str, Value]:
    load = record.load
    row: dict[str, Value] = {
        "users": load.users if load else None,
        "window_s": load.window_s if load else None,
        "requests": load.requests if load else None,
        "throughput_per_s": load.throughput_per_s if load else None,
        "mean_response_ms": load.mean_response_ms if load else None,
    }
    for name in ("p50", "p90", "p99", "p99.9", "max"):
        row[f"{name}_response_ms"] = load.percentiles_ms.get(name) if load else None
    row["little_residual"] = load.little_residual if load else None
    row["generator_cpu_percent"] = load.generator.cpu_percent if load else None
    row["verdict"] = load.verdict if load else None
    return row
