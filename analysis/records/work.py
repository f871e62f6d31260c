"""Counted work in the table of trials; analysis.records.metrics has the metrics of these columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

import polars as pl

from analysis.records.metrics import WORK_BOOT, WORK_IDLE, work_column
from analysis.records.results import Results
from contracts.trial import TrialRecord
from contracts.work.counted import Work, WorkPerRequest

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
    "work_seconds_omitted": pl.Int64,
    "why_no_work": pl.String,
}


# A second of a container's host in which address spaces were switched more often than this, relative to the
# median second and in all, is one in which other programs of the host worked.
_SWITCHES_FACTOR, _SWITCHES_MORE = 1.5, 4
_LEAST_SHARE = 0.5


class CountedSeconds(NamedTuple):
    """Of each second of a window: answers, instructions (idle work taken out), interrupts; by part.

    ``application`` is empty where it is not counted apart.
    """

    answers: list[float]
    instructions: list[int]
    interrupts: list[int]
    application: list[int]

    @property
    def kernel(self) -> list[int]:
        """What is not the application's."""
        pairs = zip(self.instructions, self.application, strict=True)
        return [instructions - application for instructions, application in pairs]


def counted_seconds(results: Results, rates: Mapping[str, Sequence[float]]) -> dict[str, CountedSeconds]:
    """By trial id, of trials that have them. ``rates``: answers per second of each second of the window.

    Seconds in which other programs of a container's host worked are not among them.
    """
    found = {}
    for record in results.records:
        answers = rates.get(record.id, ())
        work = record.work
        if work is None or not answers:
            continue
        interrupts = work.by_second.get("interrupt_returns", [])
        application = work.by_second.get("application", [])
        if not len(interrupts) == len(answers) == len(work.seconds):
            continue
        kept = _own_seconds(work, len(answers))
        found[record.id] = CountedSeconds(
            [answers[i] for i in kept],
            [work.seconds[i] for i in kept],
            [interrupts[i] for i in kept],
            [application[i] for i in kept] if application else [],
        )
    return found


def work_columns(record: TrialRecord, answers: Sequence[float] = ()) -> dict[str, Any]:
    """The columns of WORK_SCHEMA; what was not counted is missing.

    ``answers``: answers per second of each second of the window. With them, seconds in which other programs
    of a container's host worked are not counted in the instructions per request.
    """
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
        row |= _without_other_programs(work, work.per_request, answers)
    if work.idle:
        row[WORK_IDLE] = work.idle.counts.instructions / work.idle.seconds
    if work.first_answer:
        row[WORK_BOOT] = work.first_answer.instructions
    return row


def _without_other_programs(work: Work, found: WorkPerRequest, answers: Sequence[float]) -> dict[str, Any]:
    """Instructions per request from the seconds in which the host's other programs did not work.

    Each part is multiplied by what a request took in the seconds that are kept, divided by what it took in
    all.
    """
    names = ("application", "kernel")
    seconds = [work.by_second.get(name, []) for name in names]
    if work.scope != "machine" or not answers or any(len(row) != len(answers) for row in seconds):
        return {}
    kept = _own_seconds(work, len(answers))
    answered = sum(answers[i] for i in kept)
    if found.guest_application is not None or not answered:
        return {}
    parts = {}
    for name, counts in zip(names, seconds, strict=True):
        whole = sum(counts) / sum(answers)
        quiet = sum(counts[i] for i in kept) / answered
        parts[name] = getattr(found, name) * (quiet / whole if whole else 1.0)
    return {
        **{work_column(name): value for name, value in parts.items()},
        work_column("instructions"): sum(parts.values()),
        "work_seconds_omitted": len(answers) - len(kept),
    }


def _own_seconds(work: Work, seconds: int) -> list[int]:
    """Numbers of the seconds in which the host's other programs did not work; all where that is not known.

    Only a container shares its guest with other programs. At least half of the seconds must be left.
    """
    switches = work.by_second.get("address_space_switches", [])
    every = list(range(seconds))
    if work.scope != "machine" or len(switches) != seconds or not seconds:
        return every
    limit = _SWITCHES_FACTOR * median(switches) + _SWITCHES_MORE
    kept = [i for i in every if switches[i] <= limit]
    return kept if len(kept) >= _LEAST_SHARE * seconds else every


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
