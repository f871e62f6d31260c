"""The command ``compare A B``: counted work of the same cells in two campaigns, as a regression gate."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import polars as pl

from analysis.checks.evidence import Evidence
from analysis.estimates.two_campaigns import MOVED_KEYS, Movement, beyond, movements
from contracts.errors import InputError


def compare_campaigns(first: Evidence, second: Evidence, key: str, limit: float | None) -> int:
    """Print every movement as CSV; 1 where a count rose by more than ``limit``.

    Raises InputError where there is nothing to compare.
    """
    if key and key not in MOVED_KEYS:
        raise InputError("--metric", key, "no count of work", f"one of {', '.join(MOVED_KEYS)}")
    rows = movements(first, second, key)
    if not rows:
        raise InputError(
            second.source,
            "",
            f"no cell has counts in both this campaign and {first.source}",
            "compare campaigns of one study whose guests ran under TCG",
        )
    print(movement_table(rows).write_csv(), end="")
    refused = [] if limit is None else beyond(rows, limit, key)
    for row in refused:
        rise, low, high = (
            f"{(value - 1) * 100:.1f}" for value in (row.interval.ratio, row.interval.low, row.interval.high)
        )
        print(
            f"{row.cell.service} {row.cell.arm}: {row.metric.key} rose by {rise} % ({low} to {high}), "
            f"limit {(limit or 0) * 100:g} %",
            file=sys.stderr,
        )
    return int(bool(refused))


def movement_table(rows: Sequence[Movement]) -> pl.DataFrame:
    """One row per cell and count; ends of intervals that do not exist are null."""
    schema = {
        "service": pl.String,
        "arm": pl.String,
        "threads": pl.Int64,
        "metric": pl.String,
        "unit": pl.String,
        "before": pl.Float64,
        "after": pl.Float64,
        "ratio": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "boots_before": pl.Int64,
        "boots_after": pl.Int64,
        "moved": pl.Boolean,
    }
    return pl.DataFrame([_row(row) for row in rows], schema=schema, orient="row")


def _row(row: Movement) -> tuple[object, ...]:
    found = row.interval
    return (
        *(row.cell.service, row.cell.arm, row.cell.threads, row.metric.key, row.metric.unit),
        *(row.before, row.after, found.ratio),
        *((None, None) if found.insufficient else (found.low, found.high)),
        *(found.boots_base, found.boots_other, row.moved),
    )
