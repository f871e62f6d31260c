"""The latencies of a trial: its HdrHistogram log (format V2, microseconds) to a window and to seconds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from analysis.estimates.rank import samples_needed
from analysis.records import hdr
from analysis.records.hdr import Histogram
from contracts.errors import InputError
from contracts.trial import LoadResult

PERCENTILES = (50.0, 90.0, 99.0, 99.9)

# Times in the log are rounded to a millisecond or a microsecond.
_ROUNDING_S = 2e-3
# So many intervals keep the arrays of one decoding inside the cache.
_TEXTS_AT_ONCE = 256
# What the second process has read comes in messages, while it reads on.
_LOGS_AT_ONCE = 1000

# A day of one line per second has some 100 MiB; a file of gigabytes is not a log.
LOG_BYTES_MAX = 256 << 20


class LogLine(NamedTuple):
    """One line of a log: answers that ended in [start_s, start_s + length_s), from the load's start."""

    start_s: float
    length_s: float
    answers: int


class Window(NamedTuple):
    """Where the measured part of a load begins and how long it lasts, from the load's start."""

    warm_up_s: float
    window_s: float

    @classmethod
    def of(cls, load: LoadResult) -> Window:
        """That of a record."""
        return cls(load.warm_up_s, load.window_s)


@dataclass(frozen=True)
class TrialLatency:
    """The histograms of one trial.

    Attributes:
        intervals: all of them, warm-up first, in the order of time.
        warm_up_s: where the measured window begins, on the same clock.
        window: one histogram of the measured window, in microseconds.
    """

    intervals: tuple[LogLine, ...]
    warm_up_s: float
    window: Histogram

    @cached_property
    def by_second(self) -> tuple[list[float], list[float]]:
        """What ``answers_per_second`` gives."""
        return _by_second(self.intervals)


@dataclass(frozen=True)
class Percentile:
    """A percentile in ms, or None where ``answers`` are fewer than ``needed``.

    It has no interval of its own: answers of one boot depend on each other, so intervals are over boots.
    """

    name: str
    value_ms: float | None
    needed: int


def read_latency(path: Path, load: LoadResult) -> TrialLatency:
    """Read the log at ``path``; an interval belongs to the window when its middle does.

    Raises InputError when the file cannot be read, is no histogram log, or its clock goes backwards.
    """
    (found,) = read_latencies([(path, Window.of(load))])
    if isinstance(found, InputError):
        raise found
    return found


def read_latencies(
    logs: Sequence[tuple[Path, Window]], second: Executor | None = None
) -> list[TrialLatency | InputError]:
    """What ``read_latency`` gives for each log, or the error that it would raise.

    Some logs are unpacked in one array operation, whose overhead is most of the cost of a short log. A
    ``second`` process reads half of them.
    """
    if second:
        half = len(logs) // 2
        parts = [logs[start : start + _LOGS_AT_ONCE] for start in range(half, len(logs), _LOGS_AT_ONCE)]
        rest = second.map(read_latencies, parts)
        return [*read_latencies(logs[:half]), *chain.from_iterable(rest)]
    found: list[TrialLatency | InputError] = []
    batch: list[_Log] = []
    for path, measured in logs:
        try:
            batch.append(_Log(path, measured, *_lines(path)))
        except InputError as error:
            found += [*_decoded(batch), error]
            batch = []
        if sum(len(log.texts) for log in batch) >= _TEXTS_AT_ONCE:
            found += _decoded(batch)
            batch = []
    return [*found, *_decoded(batch)]


def percentiles(histogram: Histogram) -> list[Percentile]:
    """The report's percentiles; one with fewer answers than ``samples_needed`` is withheld."""
    answers = histogram.total
    rows = []
    values = histogram.quantiles([percentile / 100 for percentile in PERCENTILES])
    for percentile, value in zip(PERCENTILES, values, strict=True):
        name, needed = f"p{percentile:g}", samples_needed(percentile)
        rows.append(Percentile(name, value / 1000 if answers >= needed else None, needed))
    largest_ms = histogram.largest() / 1000 if answers else None
    return [*rows, Percentile("max", largest_ms, 1)]


def share_slower(histogram: Histogram) -> tuple[list[float], list[float]]:
    """Latencies in ms, rising, and for each the share (0 to 1) of answers that took at least as long."""
    values, counts = histogram.recorded()
    before = np.cumsum(counts) - counts
    return (values / 1000).tolist(), (1 - before / max(histogram.total, 1)).tolist()


def answers_per_second(latency: TrialLatency) -> tuple[list[float], list[float]]:
    """Middles of the seconds (s from the load's start) and answers per second in each.

    Seconds that the log omits had no answer and count as zero, so that a stall shows. An
    interval shorter than half a second is skipped: its rate depends mostly on its length.
    """
    return latency.by_second


def _by_second(intervals: Sequence[LogLine]) -> tuple[list[float], list[float]]:
    times_s: list[float] = []
    rates: list[float] = []
    end_s = 0.0
    for start_s, length_s, answers in intervals:
        while start_s - end_s > 0.5:
            times_s.append(end_s + 0.5)
            rates.append(0.0)
            end_s += 1
        end_s = start_s + length_s
        if length_s >= 0.5:
            times_s.append(start_s + length_s / 2)
            rates.append(answers / length_s)
    return times_s, rates


def window_rates(latency: TrialLatency, window_s: float) -> list[float]:
    """Answers per second in each second of the measured window."""
    times_s, rates = answers_per_second(latency)
    return [
        rate
        for time_s, rate in zip(times_s, rates, strict=True)
        if 0 <= time_s - latency.warm_up_s < window_s
    ]


@dataclass(frozen=True)
class _Log:
    """A log as text: start and length in s of every interval, from the load's start, and its histogram."""

    path: Path
    measured: Window
    times_s: list[tuple[float, float]]
    texts: list[str]


def _lines(path: Path) -> tuple[list[tuple[float, float]], list[str]]:
    times: list[tuple[float, float]] = []
    texts: list[str] = []
    try:
        if path.stat().st_size > LOG_BYTES_MAX:
            raise _damaged(path, f"larger than {LOG_BYTES_MAX >> 20} MiB, which no load writes")
        content = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"cannot read: {getattr(error, 'strerror', None) or 'not text'}") from None
    for number, line in enumerate(content.splitlines(), start=1):
        if line and not line.startswith(("#", '"')):
            # [Tag=NAME,]StartTimestamp,Interval_Length,Interval_Max,Histogram
            fields = line.split(",")
            try:
                times.append((float(fields[-4]), float(fields[-3])))
            except (IndexError, ValueError):
                where = f"line {number}, interval {len(texts) + 1}"
                raise _damaged(path, f"not a histogram log ({where})") from None
            texts.append(fields[-1])
    if not texts:
        raise _damaged(path, "not a histogram log (it holds no interval)")
    return times, texts


def _decoded(logs: Sequence[_Log]) -> Sequence[TrialLatency | InputError]:
    """Decode some logs at once; where one of them is damaged, each alone, to find which it is."""
    if not logs:
        return []
    times = np.asarray([time for log in logs for time in log.times_s], dtype=np.float64)
    owners = np.repeat(np.arange(len(logs)), [len(log.texts) for log in logs])
    warm_up_s, window_s = np.asarray([log.measured for log in logs])[owners].T
    middles = times[:, 0] + times[:, 1] / 2 - warm_up_s
    groups = np.where((middles >= 0) & (middles < window_s), owners, len(logs))
    try:
        windows, answers = hdr.decode([text for log in logs for text in log.texts], groups, len(logs))
    except hdr.NotAHistogram as error:
        if len(logs) > 1:
            return [row for log in logs for row in _decoded([log])]
        position, reason = error.args
        return [_damaged(logs[0].path, f"not a histogram log ({reason} at interval {position + 1})")]
    intervals = map(LogLine, *times.T.tolist(), answers.tolist())
    return [
        _checked(log, tuple(islice(intervals, len(log.texts))), window)
        for log, window in zip(logs, windows, strict=True)
    ]


def _checked(log: _Log, intervals: tuple[LogLine, ...], window: Histogram) -> TrialLatency | InputError:
    for before, after in pairwise(intervals):
        if after[0] < before[0] - _ROUNDING_S:
            what = f"its clock goes backwards, from {before.start_s:.3f} s to {after.start_s:.3f} s"
            return _damaged(log.path, what)
    return TrialLatency(intervals, log.measured.warm_up_s, window)


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(path, "", problem, "move this trial's folder away to run its trial again")
