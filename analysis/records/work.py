"""Counted work in the table of trials; analysis.records.metrics has the metrics of these columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from analysis.records.metrics import WORK_BOOT, WORK_IDLE, work_column
from analysis.records.results import Results
from contracts.trial import TrialRecord
from contracts.work.counted import WorkPerRequest

_PER_REQUEST = tuple(WorkPerRequest.model_fields)

WORK_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **{work_column(name): pl.Float64 for name in _PER_REQUEST},
    WORK_IDLE: pl.Float64,
    WORK_BOOT: pl.Int64,
    "work_source": pl.String,
    "work_idle_share": pl.Float64,
    "work_saturated_s": pl.Float64,
    "work_saturated": pl.Boolean,
    "work_alignment_error_ms": pl.Float64,
    "why_no_work": pl.String,
}


def work_columns(record: TrialRecord) -> dict[str, Any]:
    """The columns of WORK_SCHEMA; what was not counted is missing."""
    work = record.work
    if work is None:
        return {"why_no_work": record.why_no_work}
    row: dict[str, Any] = {
        "why_no_work": "",
        "work_source": work.source,
        "work_idle_share": work.idle_share,
        "work_saturated_s": work.saturated_s,
        "work_saturated": None if work.saturated_s is None else work.is_saturated,
        "work_alignment_error_ms": work.alignment_error_ms,
    }
    if work.per_request:
        row |= {work_column(name): getattr(work.per_request, name) for name in _PER_REQUEST}
    if work.idle:
        row[WORK_IDLE] = work.idle.counts.instructions / work.idle.seconds
    if work.first_answer:
        row[WORK_BOOT] = work.first_answer.instructions
    return row


def work_rates(results: Results, rates: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Answers per million instructions in each second of the window, by trial id, where work was counted.

    Whether a window is steady is judged from these first: other programs of the machine change the speed of
    an emulated CPU, and not what an answer takes. ``rates``: answers per second of the same seconds.
    """
    found = {}
    for record in results.records:
        if counted := answers_per_million(record, rates.get(record.id, ())):
            found[record.id] = counted
    return found


def answers_per_million(record: TrialRecord, rates: Sequence[float]) -> list[float]:
    """Answers per million instructions in each second of the window; empty where work was not counted.

    ``rates``: answers per second of the same seconds.
    """
    seconds = record.work.seconds if record.work else []
    if not seconds or len(seconds) != len(rates) or min(seconds) <= 0:
        return []
    return [1e6 * rate / instructions for rate, instructions in zip(rates, seconds, strict=True)]
