"""Latencies in HdrHistograms, one per second, and the figures of the measured window.

Locust's own statistics round to two digits and to whole milliseconds (``bucket_response_time`` in
locust/stats.py), too coarse to tell 100 ms from 111 ms, so they only serve its console.

The log is HdrHistogram's log format V2, unit microseconds. StartTimestamp is seconds since the load's
start, which the log's BaseTime and StartTime give as seconds since 1970. Intervals of the warm-up carry
the tag ``warm_up``, those after the window ``after``; those of the window carry none, so that tools
which leave out tagged intervals show the window alone.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
_INTERVAL_S = 1.0


def new_histogram() -> HdrHistogram:
    """An empty histogram from 1 microsecond to 1 hour with three significant digits."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)


class Window:
    """What was completed in the measured window. The mean is exact, percentiles are the histogram's."""

    def __init__(self) -> None:
        self.histogram = new_histogram()
        self.right_answers = 0
        self.checked_answers = 0
        self.sum_ms = 0.0
        self.max_ms = 0.0
        self.errors: Counter[str] = Counter()

    @property
    def mean_ms(self) -> float:
        """Mean latency of the right answers, of which there must be one."""
        return self.sum_ms / self.right_answers

    def percentiles_ms(self) -> dict[str, float]:
        """p50, p90, p99, p99.9 and max. A percentile is the upper end of its bucket, at most the maximum."""
        found = self.histogram.get_percentile_to_value_dict(list(PERCENTILES.values()))
        return {
            **{name: min(found[percent] / 1000, self.max_ms) for name, percent in PERCENTILES.items()},
            "max": self.max_ms,
        }


class Recorder:
    """Keeps one histogram at a time and writes it to ``path`` when its second is over.

    Every ``now_s`` is seconds since the load's start and never goes back. Latencies are milliseconds.
    """

    def __init__(self, path: Path, started_at: datetime, warm_up_s: float, duration_s: float | None) -> None:
        self.window = Window()
        self._window_start_s = warm_up_s
        self._window_end_s = math.inf if duration_s is None else warm_up_s + duration_s
        self._stream = path.open("w", encoding="utf-8")
        self._log = HistogramLogWriter(self._stream)
        self._log.output_log_format_version()
        self._log.output_comment("[Unit: microseconds; tags: warm_up, after; the measured window has none]")
        epoch_s = started_at.timestamp()
        self._log.output_comment(
            f"[StartTime: {epoch_s:.6f} (seconds since epoch), {started_at.isoformat()}]"
        )
        self._log.output_base_time(epoch_s * 1000)
        self._log.output_legend()
        self._open_interval(0.0)

    def right_answer(self, now_s: float, latency_ms: float) -> None:
        """Record a right answer that was complete at ``now_s``."""
        self._advance(now_s)
        self._histogram.record_value(min(max(round(latency_ms * 1000), LOWEST_US), HIGHEST_US))
        if self._tag is None:
            window = self.window
            window.right_answers += 1
            window.checked_answers += 1
            window.sum_ms += latency_ms
            window.max_ms = max(window.max_ms, latency_ms)

    def error(self, now_s: float, kind: str, answered: bool) -> None:
        """Count an error of ``kind``; ``answered`` says whether there was an answer to look at."""
        self._advance(now_s)
        if self._tag is None:
            self.window.errors[kind] += 1
            self.window.checked_answers += answered

    def finish(self, end_s: float) -> float:
        """Close the log at ``end_s`` and return the window's length in seconds, at least 0."""
        self._advance(end_s)
        if end_s > self._start_s:
            self._close_interval(end_s)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        return max(0.0, min(end_s, self._window_end_s) - self._window_start_s)

    def _advance(self, now_s: float) -> None:
        while now_s >= self._end_s:
            self._close_interval(self._end_s)
            self._open_interval(self._end_s)

    def _open_interval(self, start_s: float) -> None:
        self._start_s = start_s
        self._tag: str | None = None
        phase_end_s = self._window_end_s
        if start_s < self._window_start_s:
            self._tag, phase_end_s = "warm_up", self._window_start_s
        elif start_s >= self._window_end_s:
            self._tag, phase_end_s = "after", math.inf
        self._end_s = min(start_s + _INTERVAL_S, phase_end_s)
        self._histogram = new_histogram()

    def _close_interval(self, end_s: float) -> None:
        if self._tag is None:
            self.window.histogram.add(self._histogram)
        else:
            # hdrh reads tags and does not write them.
            self._stream.write(f"Tag={self._tag},")
        self._log.output_interval_histogram(self._histogram, self._start_s, end_s, max_value_unit_ratio=1.0)
