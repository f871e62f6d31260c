"""Histogram logs: windows, warm-up, gaps, both ways of writing the time, and spoilt files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from analysis.records import hdr
from analysis.records.hdr import EMPTY, Histogram
from analysis.records.latency import (
    LogLine,
    TrialLatency,
    answers_per_second,
    percentiles,
    read_latency,
    share_slower,
    window_rates,
)
from contracts.errors import InputError
from contracts.trial import LoadResult

LOAD = LoadResult.model_validate(
    {
        "users": 1,
        "warm_up_s": 2,
        "window_s": 3,
        "started_at": datetime(2026, 1, 5, tzinfo=UTC),
        "requests": 6,
        "throughput_per_s": 2,
        "mean_response_ms": 10,
        "percentiles_ms": {},
        "little_residual": 0,
        "errors": {},
        "responses_checked": 6,
        "generator": {"tool": "t", "cpu_percent": 1, "cpu_s": 1, "processes": 1},
        "verdict": "valid",
    }
)


def histogram_of(*values_us: int) -> Histogram:
    return hdr.of_samples([np.asarray(values_us, dtype=np.int64)]) if values_us else EMPTY


def library_histogram(*values_us: int) -> HdrHistogram:
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for value_us in values_us:
        histogram.record_value(value_us)
    return histogram


def write_log(path: Path, intervals: list[tuple[float, float, list[int]]], head: str = "") -> Path:
    """``intervals``: start, end (s from the load's start) and latencies (microseconds)."""
    with path.open("w", encoding="utf-8") as stream:
        writer = HistogramLogWriter(stream)
        writer.output_log_format_version()
        stream.write(head)
        writer.output_legend()
        for start_s, end_s, values_us in intervals:
            writer.output_interval_histogram(library_histogram(*values_us), start_s, end_s, 1.0)
    return path


INTERVALS = [
    (0.0, 1.0, [90_000]),
    (1.0, 2.0, [50_000, 50_000]),
    (2.0, 3.0, [10_000]),
    (3.0, 4.0, [10_000, 20_000]),
    (4.0, 5.0, [30_000, 10_000, 10_000]),
    (5.0, 5.2, [70_000]),
]
EPOCH = "#[StartTime: 1767571200.000000 (seconds since epoch), 2026-01-05T00:00:00+00:00]\n"
BASE = "#[BaseTime: 1767571200.000000 (seconds since epoch)]\n"


@pytest.mark.parametrize("head", ["", EPOCH, EPOCH + BASE], ids=["bare", "start", "start-and-base"])
def test_window_leaves_out_warm_up_and_what_came_after(tmp_path: Path, head: str) -> None:
    latency = read_latency(write_log(tmp_path / "latency.hlog", INTERVALS, head), LOAD)
    assert latency.window.total == 6
    assert [interval.answers for interval in latency.intervals] == [1, 2, 1, 2, 3, 1]
    assert [interval.start_s for interval in latency.intervals] == pytest.approx([0, 1, 2, 3, 4, 5], abs=1e-5)
    assert latency.window.largest() == pytest.approx(30_000, rel=1e-3)


def test_tagged_intervals_are_read_like_others(tmp_path: Path) -> None:
    path = write_log(tmp_path / "latency.hlog", INTERVALS)
    lines = path.read_text().splitlines()
    lines = [f"Tag=warm_up,{line}" if line.startswith(("0.", "1.")) else line for line in lines]
    path.write_text("\n".join(lines) + "\n")
    latency = read_latency(path, LOAD)
    assert latency.window.total == 6
    assert len(latency.intervals) == len(INTERVALS)


@pytest.mark.parametrize("spoilt", ["1.0,1.0,5.0,HISTnonsense\n", "1.0,1.0,5.0,HISTFAAAAB=\n"])
def test_spoilt_log_is_named(tmp_path: Path, spoilt: str) -> None:
    path = write_log(tmp_path / "latency.hlog", INTERVALS[:1])
    path.write_text(path.read_text() + spoilt)
    with pytest.raises(InputError, match=r"latency\.hlog: not a histogram log .*interval 2.*Remedy"):
        read_latency(path, LOAD)


def test_seconds_without_an_answer_count_as_zero() -> None:
    intervals = (LogLine(0, 1, 4), LogLine(1, 1, 6), LogLine(4, 1, 5), LogLine(5, 0.2, 3))
    times_s, rates = answers_per_second(TrialLatency(intervals, 0, EMPTY))
    assert times_s == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert rates == [4, 6, 0, 0, 5]


def test_a_stall_at_the_very_start_shows_too() -> None:
    times_s, rates = answers_per_second(TrialLatency((LogLine(2, 1, 7),), 0, EMPTY))
    assert times_s == [0.5, 1.5, 2.5]
    assert rates == [0, 0, 7]


def test_share_slower_starts_with_all_and_keeps_the_tail() -> None:
    latencies_ms, shares = share_slower(histogram_of(10_000, 10_000, 20_000, 80_000))
    assert latencies_ms == pytest.approx([10, 20, 80], rel=1e-3)
    assert shares == pytest.approx([1, 0.5, 0.25])


@pytest.mark.parametrize(
    ("answers", "withheld"),
    [
        (4, {"p50", "p90", "p99", "p99.9"}),
        (298, {"p99", "p99.9"}),
        (299, {"p99.9"}),
        (2994, {"p99.9"}),
        (2995, set()),
    ],
)
def test_percentiles_out_of_reach_are_withheld(answers: int, withheld: set[str]) -> None:
    rows = percentiles(histogram_of(*range(1000, 1000 + answers)))
    assert {row.name for row in rows if row.value_ms is None} == withheld


def test_percentile_values() -> None:
    rows = {row.name: row.value_ms for row in percentiles(histogram_of(*range(1000, 101_000, 10)))}
    assert rows["p50"] == pytest.approx(51, rel=2e-3)
    assert rows["p99.9"] == pytest.approx(100.9, rel=2e-3)
    assert rows["max"] == pytest.approx(101, rel=2e-3)


def test_nothing_has_no_percentile_and_no_maximum() -> None:
    assert all(row.value_ms is None for row in percentiles(histogram_of()))


def test_merge_weighs_every_answer_alike() -> None:
    merged = hdr.merge([histogram_of(1000, 1000, 1000), histogram_of(9000), EMPTY])
    assert merged.total == 4
    assert merged.quantiles([0.5])[0] == pytest.approx(1000, rel=1e-3)
    assert merged.largest() == pytest.approx(9000, rel=1e-3)


def test_a_percentile_is_bounded_from_above() -> None:
    rows = {row.name: row for row in percentiles(histogram_of(*range(1000, 101_000, 10)))}
    value_ms = rows["p99"].value_ms
    assert value_ms
    assert rows["max"].value_ms and rows["max"].value_ms > value_ms


def test_rates_of_the_window_leave_out_warm_up_and_what_came_after() -> None:
    intervals = tuple(LogLine(float(second), 1, second) for second in range(8))
    assert window_rates(TrialLatency(intervals, 2, EMPTY), 4) == [2, 3, 4, 5]


def test_a_clock_that_goes_backwards_is_named(tmp_path: Path) -> None:
    path = write_log(tmp_path / "latency.hlog", [*INTERVALS[:3], (0.5, 1.5, [10_000])])
    with pytest.raises(
        InputError, match=r"latency\.hlog: its clock goes backwards, from 2\.000 s to 0\.500 s"
    ):
        read_latency(path, LOAD)


@pytest.mark.parametrize("content", ["", "#[Histogram log format version 1.3]\n"])
def test_a_log_without_an_interval_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "latency.hlog"
    path.write_text(content)
    with pytest.raises(InputError, match="it holds no interval"):
        read_latency(path, LOAD)
