"""Latencies into HdrHistograms, one per second, in the process that measured them.

Locust's own statistics round to two digits and to whole milliseconds (``bucket_response_time`` in
locust/stats.py), too coarse for 100 ms against 111 ms, so they only serve its console and web page.

During a request only a number is appended. Once a second the numbers become a
histogram, by numpy: recording costs a few percent of the load.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from unilab_load.wire.connection import Connection
from unilab_load.wire.endpoint import Endpoint
from unilab_load.worker.costs import CostMeter
from unilab_load.worker.interval import HIGHEST_US, LOWEST_US, LoadInterval, new_histogram
from unilab_load.worker.samples import Samples

INTERVAL_S = 1.0

Latencies = Any  # numpy array of int64, shape (n,)


class Recorder:
    """Records one load of this process. Every ``now_ns`` is of ``perf_counter_ns`` and never goes back.

    Attributes:
        samples: the numbers of the current interval, which the engine and the loop append to.
        interval_end_ns: when the interval that is recorded now ends.
    """

    def __init__(
        self,
        begin_ns: int,
        *,
        warm_up_s: float,
        duration_s: float | None,
        endpoints: Sequence[Endpoint],
        connections: Sequence[Connection],
        meter: CostMeter,
        listeners: Sequence[
            Callable[[LoadInterval, dict[Endpoint, Latencies], dict[Endpoint, dict[str, int]]], None]
        ],
    ) -> None:
        """``listeners`` get each closed interval, and its latencies (ns) and errors by endpoint."""
        self._answered = 0
        self._begin_ns = begin_ns
        self._window_start_s = warm_up_s
        self._window_end_s = math.inf if duration_s is None else warm_up_s + duration_s
        self._endpoints, self._connections = endpoints, connections
        self.samples = Samples(endpoints)
        self._meter, self._listeners = meter, listeners
        self._failed_ns = self._age_ns = 0
        self._closed: list[LoadInterval] = []
        self._open(0.0)

    @property
    def answered(self) -> int:
        """Responses so far, right and wrong."""
        fresh = sum(len(latencies_ns) for latencies_ns in self.samples.latencies_ns.values())
        return self._answered + self._interval.checked + fresh

    def error(self, connection: Connection, kind: str, answered: bool, now_ns: int) -> None:
        """Count an error of ``kind``; ``answered``: a response was received and compared."""
        errors = self._errors[connection.endpoint]
        errors[kind] = errors.get(kind, 0) + 1
        self._failed_ns += now_ns - connection.due_ns
        self._interval.checked += answered

    def advance(self, now_ns: int) -> None:
        """Close the intervals that ended by ``now_ns``."""
        while now_ns >= self.interval_end_ns:
            end_s = self._interval.end_s
            self._close(end_s, ends_phase=end_s in (self._window_start_s, self._window_end_s))
            self._open(self._interval.end_s)

    def finish(self, now_ns: int) -> None:
        """Close the last interval at ``now_ns``, the load's end."""
        self.advance(now_ns)
        end_s = (now_ns - self._begin_ns) / 1e9
        if end_s > self._interval.start_s:
            self._close(end_s, ends_phase=True)

    def take(self) -> list[LoadInterval]:
        """The intervals that were closed since the last call."""
        closed, self._closed = self._closed, []
        return closed

    def _open(self, start_s: float) -> None:
        phase, phase_end_s = "window", self._window_end_s
        if start_s < self._window_start_s:
            phase, phase_end_s = "warm_up", self._window_start_s
        elif start_s >= self._window_end_s:
            phase, phase_end_s = "after", math.inf
        self._interval = LoadInterval(start_s, min(start_s + INTERVAL_S, phase_end_s), phase)
        self.interval_end_ns = self._begin_ns + math.ceil(self._interval.end_s * 1e9)
        self._errors: dict[Endpoint, dict[str, int]] = {endpoint: {} for endpoint in self._endpoints}

    def _close(self, end_s: float, ends_phase: bool) -> None:
        interval, latencies = self._interval, {}
        self._interval = LoadInterval(end_s, end_s, interval.phase)
        interval.end_s = end_s
        for endpoint in self._endpoints:
            latencies[endpoint] = taken = _take(self.samples.latencies_ns[endpoint])
            interval.errors.update(self._errors[endpoint])
            if len(taken):
                interval.sum_ns += int(taken.sum())
                interval.max_ns = max(interval.max_ns, int(taken.max()))
                interval.answers += len(taken)
                record(interval.latencies, taken)
        interval.checked += interval.answers
        self._answered += interval.checked
        interval.lateness = _lateness(self.samples.lateness_ns)
        interval.own_lateness = _lateness(self.samples.own_lateness_ns)
        interval.idle_user_s = self._idle_user_s(interval)
        interval.busy_user_s = self._busy_user_s(interval)
        interval.cost = self._meter.since_last(with_open=ends_phase)
        self._closed.append(interval)
        for listener in self._listeners:
            listener(interval, latencies, self._errors)

    def _busy_user_s(self, interval: LoadInterval) -> float:
        """Requests that ended in the interval, less their time before it, plus those still under way."""
        end_ns = self._begin_ns + round(interval.end_s * 1e9)
        before_ns = self._age_ns
        self._age_ns = sum(max(0, end_ns - c.due_ns) for c in self._connections if c.busy)
        busy_ns = interval.sum_ns + self._failed_ns - before_ns + self._age_ns
        self._failed_ns = 0
        return busy_ns / 1e9

    def _idle_user_s(self, interval: LoadInterval) -> float:
        since_s = ((since_ns - self._begin_ns) / 1e9 for since_ns in self.samples.idle_since_ns)
        return sum(max(0.0, interval.end_s - max(begin_s, interval.start_s)) for begin_s in since_s)


def record(histogram: HdrHistogram, latencies_ns: Latencies) -> None:
    """Add ``latencies_ns``, an array of shape (n,), to ``histogram``, which counts microseconds."""
    rounded_us = np.clip((latencies_ns + 500) // 1000, LOWEST_US, HIGHEST_US)
    for value_us, count in zip(
        *(part.tolist() for part in np.unique(rounded_us, return_counts=True)), strict=True
    ):
        histogram.record_value(value_us, count)


def _lateness(taken_ns: array[int]) -> HdrHistogram | None:
    if not taken_ns:
        return None
    histogram = new_histogram()
    record(histogram, _take(taken_ns))
    return histogram


def _take(numbers: array[int]) -> Latencies:
    """Empty ``numbers`` into a numpy array."""
    taken = np.array(numbers, dtype=np.int64)
    del numbers[:]
    return taken
