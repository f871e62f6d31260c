"""Latency histograms: HdrHistogram logs (format V2, microseconds) to windows and answers per second."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrh.codec import HdrCookieException, HdrLengthException
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from analysis.statistics import samples_needed
from contracts.errors import InputError
from contracts.trial import LoadResult

PERCENTILES = (50.0, 90.0, 99.0, 99.9)

_LOWEST_US, _HIGHEST_US, _DIGITS = 1, 24 * 3600 * 1_000_000, 3


@dataclass(frozen=True)
class Interval:
    """One line of a log: answers that ended in [start_s, start_s + length_s), from the load's start."""

    start_s: float
    length_s: float
    answers: int


@dataclass(frozen=True)
class TrialLatency:
    """The histograms of one trial.

    Attributes:
        intervals: all of them, warm-up first, in the order of time.
        warm_up_s: where the measured window begins, on the same clock.
        window: one histogram of the measured window, in microseconds.
    """

    intervals: tuple[Interval, ...]
    warm_up_s: float
    window: Any


@dataclass(frozen=True)
class Percentile:
    """A percentile in ms, or None where ``answers`` are fewer than ``needed``."""

    name: str
    value_ms: float | None
    needed: int


def read_latency(path: Path, load: LoadResult) -> TrialLatency:
    """Read the log at ``path``; an interval belongs to the window when its middle does.

    Raises InputError when the file is not a histogram log.
    """
    reader = HistogramLogReader(str(path), HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS))
    window = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)
    intervals: list[Interval] = []
    try:
        while (histogram := reader.get_next_interval_histogram()) is not None:
            # The log's own base time is taken off again: the contract counts from the load's start.
            start_s = histogram.get_start_time_stamp() / 1000 - reader.base_time_sec
            end_s = histogram.get_end_time_stamp() / 1000 - reader.base_time_sec
            intervals.append(Interval(start_s, end_s - start_s, histogram.get_total_count()))
            if 0 <= (start_s + end_s) / 2 - load.warm_up_s < load.window_s:
                window.add(histogram)
    except (ValueError, IndexError, zlib.error, HdrCookieException, HdrLengthException) as error:
        reason = "not base64" if isinstance(error, binascii.Error) else type(error).__name__
        raise InputError(
            path,
            "",
            f"not a histogram log ({reason} at interval {len(intervals) + 1})",
            "move this trial's folder away to run its trial again",
        ) from None
    finally:
        reader.close()
    return TrialLatency(tuple(intervals), load.warm_up_s, window)


def merge(windows: Iterable[Any]) -> Any:
    """One histogram of several, untrimmed: every answer weighs the same, whichever boot gave it."""
    merged = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)
    for window in windows:
        merged.add(window)
    return merged


def percentiles(histogram: Any) -> list[Percentile]:
    """The report's percentiles; one that ``samples_needed`` says is out of reach is withheld."""
    answers = histogram.get_total_count()
    rows = []
    for percentile in PERCENTILES:
        needed = samples_needed(percentile)
        value_ms = histogram.get_value_at_percentile(percentile) / 1000 if answers >= needed else None
        rows.append(Percentile(f"p{percentile:g}", value_ms, needed))
    value_ms = histogram.get_max_value() / 1000 if answers else None
    return [*rows, Percentile("max", value_ms, 1)]


def share_slower(histogram: Any) -> tuple[list[float], list[float]]:
    """Latencies in ms, rising, and for each the share (0 to 1) of answers that took at least as long."""
    total = histogram.get_total_count()
    latencies_ms: list[float] = []
    shares: list[float] = []
    before = 0
    for item in histogram.get_recorded_iterator():
        latencies_ms.append(item.value_iterated_to / 1000)
        shares.append(1 - before / total)
        before += item.count_at_value_iterated_to
    return latencies_ms, shares


def answers_per_second(latency: TrialLatency) -> tuple[list[float], list[float]]:
    """Middles of the seconds (s from the load's start) and answers per second in each.

    Seconds that the log leaves out had no answer and count as zero, so that a stall shows. An
    interval shorter than half a second is left out: its rate says more about its length.
    """
    times_s: list[float] = []
    rates: list[float] = []
    end_s = 0.0
    for interval in latency.intervals:
        while interval.start_s - end_s > 0.5:
            times_s.append(end_s + 0.5)
            rates.append(0.0)
            end_s += 1
        end_s = interval.start_s + interval.length_s
        if interval.length_s >= 0.5:
            times_s.append(interval.start_s + interval.length_s / 2)
            rates.append(interval.answers / interval.length_s)
    return times_s, rates
