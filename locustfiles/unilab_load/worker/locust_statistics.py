"""Locust's own statistics, fed once a second: its console, web page and CSV files stay right."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from unilab_load.wire.endpoint import Endpoint
from unilab_load.worker.interval import LoadInterval


class LocustStatistics:
    """Adds whole intervals to ``statistics``, as the master adds its workers' reports."""

    def __init__(self, statistics: RequestStats) -> None:
        self._statistics = statistics

    def add(
        self, interval: LoadInterval, samples: dict[Endpoint, Any], errors: dict[Endpoint, dict[str, int]]
    ) -> None:
        """Add one interval: latencies are arrays of shape (n,) in nanoseconds."""
        for endpoint, taken in samples.items():
            failed = errors[endpoint]
            if not len(taken) and not failed:
                continue
            entry = _entry(self._statistics, endpoint, taken, sum(failed.values()))
            self._statistics.get(endpoint.name, endpoint.method).extend(entry)
            self._statistics.total.extend(entry)
            for kind, count in failed.items():
                self._count_error(endpoint, kind, count)

    def _count_error(self, endpoint: Endpoint, kind: str, count: int) -> None:
        key = StatsError.create_key(endpoint.method, endpoint.name, kind)
        error = self._statistics.errors.setdefault(key, StatsError(endpoint.method, endpoint.name, kind))
        error.occurrences += count
        error.last_seen = time.time()
        error.first_seen = error.first_seen or error.last_seen


def _entry(statistics: RequestStats, endpoint: Endpoint, taken: Any, failed: int) -> StatsEntry:
    """A Locust entry of the right answers in ``taken``, and of ``failed`` requests without a time."""
    now_s = time.time()
    entry = StatsEntry(statistics, endpoint.name, endpoint.method)
    entry.last_request_timestamp = now_s
    entry.num_requests = len(taken) + failed
    entry.num_none_requests = failed
    entry.num_failures = failed
    entry.num_reqs_per_sec = {int(now_s): entry.num_requests}
    entry.num_fail_per_sec = {int(now_s): failed} if failed else {}
    entry.total_content_length = len(taken) * len(endpoint.expected.body)
    if len(taken):
        taken_ms = taken / 1e6
        entry.total_response_time = float(taken_ms.sum())
        entry.min_response_time, entry.max_response_time = float(taken_ms.min()), float(taken_ms.max())
        values, counts = np.unique(np.rint(taken_ms).astype(np.int64), return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            entry.response_times[bucket_response_time(value)] += count
    return entry
