"""From samples, a load and two clocks to the part ``work`` of a record: the window, and idle work taken out.

The method is explained in contracts/work/counted.py and docs/counting.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from contracts.work.counted import (
    BY_SECOND,
    SATURATED_IDLE_SHARE,
    Work,
    WorkCounts,
    WorkPeriod,
    WorkPerRequest,
)
from contracts.work.series import Series, work_counts

Named = Callable[[Sequence[float]], WorkCounts]

# The guest settles after its first right answer, and the load's first connects precede its start.
_MARGIN_NS = 300_000_000
_SHORTEST_IDLE_S = 0.3
# Commands that read caps and memory may run in the counted guest before the load, so its quietest
# intervals are taken as idle.
_QUIET_SHARE = 1 / 3
# On a container host programs may run all the time before the load; nothing then shows what idle code costs.
# An idle guest executes instructions at this share of the window's rate at most.
_IDLE_SHARE = 0.05


@dataclass(frozen=True)
class Clock:
    """CLOCK_REALTIME of a host less the controller's, and by how much that may be wrong."""

    offset_ns: int = 0
    error_ns: int = 0


@dataclass(frozen=True)
class LoadWindow:
    """When the load ran by its client's clock, and what it counted."""

    started_at: datetime
    warm_up_s: float
    window_s: float
    requests: int


@dataclass(frozen=True)
class Counted:
    """How the samples came about; the fields are those of Work.

    Attributes:
        first_answer: counters of each vCPU at the first right answer; () where they were not read.
        first_answer_ns: CLOCK_REALTIME of the counting host then; 0 where it is not known.
    """

    includes: str
    counted_on: str
    source: Literal["tcg_plugin", "perf"] = "tcg_plugin"
    scope: str = "guest"
    mode: str = ""
    api_version: int | None = None
    ranges: tuple[str, ...] = ()
    interval_ms: float = 100
    first_answer: tuple[tuple[int, ...], ...] = ()
    first_answer_ns: int = 0
    client: Clock = field(default_factory=Clock)
    host: Clock = field(default_factory=Clock)


def work_of(series: Series, counted: Counted, load: LoadWindow) -> Work:
    """The part ``work`` of a trial's record. Raises ValueError where the samples do not cover the window."""
    rings = counted.source == "perf" and series.total("guest_application") > 0
    if counted.source == "perf" and not rings:
        # A unikernel runs its application in ring 0 too.
        series = series.without_split
    named = partial(
        work_counts,
        series.names,
        has_idle_loop=any(text.startswith("idle=") for text in counted.ranges),
        has_guests=rings or any(text.startswith("guest_kernel=") for text in counted.ranges),
    )
    load_ns = round(load.started_at.timestamp() * 1e9) + counted.host.offset_ns - counted.client.offset_ns
    start_ns = load_ns + round(load.warm_up_s * 1e9)
    end_ns = start_ns + round(load.window_s * 1e9)

    vcpus = series.between(start_ns, end_ns)
    window = WorkPeriod(seconds=load.window_s, counts=named([sum(row) for row in zip(*vcpus, strict=True)]))
    inside = series.intervals(start_ns, end_ns)
    idle = _idle_period(series, counted.first_answer_ns + _MARGIN_NS, load_ns - _MARGIN_NS, named)
    if idle and not _is_idle(idle, window):
        idle = None
    idle_work = _IdleWork.of(idle)
    seconds = [named(total) for total in _seconds(series, start_ns, int(load.window_s))]
    gaps_ns = [duration_ns for duration_ns, _ in inside] or [end_ns - start_ns]
    return Work(
        source=counted.source,
        scope="machine" if counted.scope == "machine" else "guest",
        includes=counted.includes,
        counted_on=counted.counted_on,
        mode=counted.mode,
        api_version=counted.api_version,
        ranges=list(counted.ranges),
        first_answer=named([sum(row) for row in zip(*counted.first_answer, strict=True)])
        if counted.first_answer
        else None,
        idle=idle,
        window=window,
        vcpus=[named(row) for row in vcpus],
        sample_interval_ms=counted.interval_ms,
        longest_gap_ms=max(gaps_ns) / 1e6,
        alignment_error_ms=(counted.client.error_ns + counted.host.error_ns + max(series.spreads_ns)) / 1e6,
        idle_mark=idle_work.mark if idle_work else None,
        idle_share=idle_work.share(window.counts, window.seconds) if idle_work else None,
        saturated_s=sum(
            ns for ns, row in inside if idle_work.share(named(row), ns / 1e9) <= SATURATED_IDLE_SHARE
        )
        / 1e9
        if idle_work
        else None,
        seconds=[
            round(row.instructions * (1 - idle_work.share(row, 1.0))) if idle_work else row.instructions
            for row in seconds
        ],
        by_second=_by_second(seconds),
        per_request=_per_request(window, idle_work, load.requests) if load.requests else None,
    )


def _by_second(seconds: Sequence[WorkCounts]) -> dict[str, list[int]]:
    """Those of BY_SECOND that this source counts."""
    found = {name: [getattr(row, name) for row in seconds] for name in BY_SECOND}
    return {name: values for name, values in found.items() if values and None not in values}


def _seconds(series: Series, start_ns: int, seconds: int) -> list[list[int]]:
    """Counts over all vCPUs of each second from ``start_ns``."""
    starts_ns = [start_ns + number * 10**9 for number in range(seconds)]
    periods = [series.between(at_ns, at_ns + 10**9) for at_ns in starts_ns]
    return [[sum(row) for row in zip(*vcpus, strict=True)] for vcpus in periods]


def _idle_period(series: Series, start_ns: int, end_ns: int, count: Named) -> WorkPeriod | None:
    """The quietest third of the intervals between the first right answer and the load."""
    intervals = series.intervals(start_ns, end_ns)
    named = [(ns, count(row)) for ns, row in intervals]
    named.sort(key=lambda pair: _busy(pair[1]) / max(pair[0], 1))
    quiet = named[: round(len(named) * _QUIET_SHARE)]
    seconds = sum(ns for ns, _ in quiet) / 1e9
    if seconds < _SHORTEST_IDLE_S:
        return None
    total = {name: [getattr(counts, name) for _, counts in quiet] for name in WorkCounts.model_fields}
    return WorkPeriod(
        seconds=seconds,
        counts=WorkCounts(
            **{name: None if None in values else sum(values) for name, values in total.items()}
        ),
    )


def _is_idle(period: WorkPeriod, window: WorkPeriod) -> bool:
    """Whether next to nothing ran in ``period``; True where the application is not counted apart.

    A kernel with an idle loop may execute many instructions while it waits; one that halts may not.
    """
    if period.counts.application is None or window.counts.application is None:
        return True
    kinds = [_application] if period.counts.idle_loop is not None else [_application, _all]
    return all(
        kind(period.counts) / period.seconds <= _IDLE_SHARE * kind(window.counts) / window.seconds
        for kind in kinds
    )


def _all(counts: WorkCounts) -> int:
    return counts.instructions


def _application(counts: WorkCounts) -> int:
    return (counts.application or 0) + (counts.guest_application or 0)


def _busy(counts: WorkCounts) -> int:
    return counts.instructions if counts.application is None else counts.application


@dataclass(frozen=True)
class _IdleWork:
    """What an idle guest executes, and the count by which idle time is recognised in the window."""

    idle: WorkPeriod
    mark: Literal["idle_loop", "halts"]

    @classmethod
    def of(cls, idle: WorkPeriod | None) -> _IdleWork | None:
        """None where the guest was not idle before the load, or nothing marks idle work."""
        if idle is None:
            return None
        marks: tuple[Literal["idle_loop", "halts"], ...] = ("idle_loop", "halts")
        return next((cls(idle, mark) for mark in marks if getattr(idle.counts, mark)), None)

    def periods(self, counts: WorkCounts, seconds: float) -> float:
        """How often the idle period's work is contained in ``counts`` of a period of ``seconds``.

        A loop's instructions are idle time itself. A halt is only its start: under load a virtual CPU may
        halt more often per second than an idle one, for a shorter time each. So halts stand for at most as
        much idle work as an idle guest does in the same time.
        """
        periods: float = getattr(counts, self.mark) / getattr(self.idle.counts, self.mark)
        return periods if self.mark == "idle_loop" else min(periods, seconds / self.idle.seconds)

    def share(self, counts: WorkCounts, seconds: float) -> float:
        """Idle work as a share of the instructions in ``counts``, 0 to 1."""
        if not counts.instructions:
            return 1.0
        return min(1.0, self.periods(counts, seconds) * self.idle.counts.instructions / counts.instructions)


def _per_request(window: WorkPeriod, idle_work: _IdleWork | None, requests: int) -> WorkPerRequest:
    """Counts per request, those of idle work taken out by the idle mark."""
    periods = idle_work.periods(window.counts, window.seconds) if idle_work else 0.0
    values: dict[str, float | None] = {}
    for name in WorkPerRequest.model_fields:
        counted = getattr(window.counts, name)
        in_idle = getattr(idle_work.idle.counts, name) if idle_work and name != "halts" else 0
        values[name] = None if counted is None else max(0.0, counted - periods * (in_idle or 0)) / requests
    parts = [values[name] for name in ("application", "kernel", "guest_kernel", "guest_application")]
    if values["application"] is not None:
        values["instructions"] = sum(part for part in parts if part is not None)
    return WorkPerRequest.model_validate(values)
