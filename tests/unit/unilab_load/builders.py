"""Intervals, recorders and logs that tests of the load fill by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgpack
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

S = 1_000_000_000
Load = Callable[[str], Any]


class _Endpoint:
    """What a recorder sees of an endpoint."""

    def __init__(self, name: str) -> None:
        self.method, self.name = "GET", name


class Bench:
    """A recorder over endpoints that a test fills itself; it costs 0.25 s of CPU an interval."""

    def __init__(
        self, load: Load, *, warm_up_s: float = 0.0, duration_s: float | None = None, endpoints: int = 1
    ) -> None:
        interval = load("worker.interval")
        self.endpoints = [_Endpoint(f"/{i}") for i in range(endpoints)]
        self.connections: list[Any] = []
        self.heard: list[Any] = []
        self.recorder = load("worker.recorder").Recorder(
            0,
            warm_up_s=warm_up_s,
            duration_s=duration_s,
            endpoints=self.endpoints,
            connections=self.connections,
            meter=SimpleNamespace(since_last=lambda with_open: interval.Cost(0.25, 10, 20, 1)),
            listeners=[lambda *reported: self.heard.append(reported)],
        )
        self.samples = self.recorder.samples

    def record(self, latencies_ns: list[int], endpoint: int = 0) -> None:
        """Add latencies of right responses to the current interval."""
        self.samples.latencies_ns[self.endpoints[endpoint]].extend(latencies_ns)


def latencies_ns(seed: int, count: int) -> Any:
    return np.random.default_rng(seed).lognormal(mean=15, sigma=1.5, size=count).astype(np.int64)


def interval_of(load: Load, start_s: float, phase: str, values_us: list[int], end_s: float = 0) -> Any:
    module = load("worker.interval")
    interval = module.LoadInterval(start_s, end_s or start_s + 1, phase)
    for value_us in values_us:
        interval.latencies.record_value(value_us)
    interval.answers = interval.checked = len(values_us)
    interval.sum_ns, interval.max_ns = 1000 * sum(values_us), 1000 * max(values_us, default=0)
    interval.cost = module.Cost(0.5, 100, 200, 1)
    return interval


def over_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    """As Locust's messages carry it."""
    return msgpack.unpackb(msgpack.packb(message), strict_map_key=False)


def content_of(interval: Any) -> dict[str, Any]:
    held = {
        name: value and (value.get_total_count(), value.get_max_value(), value.get_value_at_percentile(50))
        for name, value in vars(interval).items()
        if isinstance(value, HdrHistogram | None)
    }
    return vars(interval) | held


_STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=timezone.utc)


def merge_of(load: Load, path: Path, warm_up_s: float = 0.0, members: str = "ab") -> Any:
    log = load("lead.latency_log").LatencyLog(path, _STARTED_AT)
    return load("lead.merge").Merge(log, list(members), warm_up_s)


def logged(path: Path) -> list[tuple[float, float, str | None, int, int]]:
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    rows = []
    while (found := reader.get_next_interval_histogram()) is not None:
        start_s, end_s = (
            round(stamp / 1000 - reader.base_time_sec, 3)
            for stamp in (found.get_start_time_stamp(), found.get_end_time_stamp())
        )
        rows.append((start_s, end_s, found.get_tag(), found.get_total_count(), found.get_max_value()))
    assert reader.base_time_sec == pytest.approx(_STARTED_AT.timestamp())
    reader.close()
    return rows
