"""Latencies and errors into one interval a second."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.unilab_load.builders import Bench, S, latencies_ns, merge_of

Load = Callable[[str], Any]


def test_percentiles_have_three_digits_and_sums_are_exact(load: Load) -> None:
    one, other = latencies_ns(1, 30_000), latencies_ns(2, 20_000)
    intervals = []
    for part in (one, other):
        bench = Bench(load)
        bench.record(part.tolist())
        bench.recorder.advance(S)
        intervals += bench.recorder.take()
    merged, added = intervals
    merged.add(added)
    every = np.sort(np.concatenate([one, other]))
    assert merged.sum_ns == sum(every.tolist()) and merged.max_ns == every[-1]
    assert merged.answers == merged.checked == merged.latencies.get_total_count() == len(every)
    for percent in (1.0, 50.0, 90.0, 99.0, 99.9, 100.0):
        exact_us = every[round(percent / 100 * len(every)) - 1] / 1000
        # Half a microsecond of rounding is more than three digits where latencies are short.
        assert merged.latencies.get_value_at_percentile(percent) == pytest.approx(exact_us, rel=1e-3, abs=0.6)


def test_latencies_out_of_range_are_recorded_at_its_ends(load: Load) -> None:
    histogram = load("worker.interval").new_histogram()
    load("worker.recorder").record(histogram, np.array([0, 499, 3601 * S]))
    assert histogram.get_total_count() == 3
    assert histogram.get_value_at_percentile(50) == 1
    assert histogram.get_value_at_percentile(100) == pytest.approx(3600e6, rel=1e-3)


def test_request_that_ends_at_an_intervals_end_belongs_to_the_next(load: Load) -> None:
    bench = Bench(load, warm_up_s=0.5, duration_s=1.25)
    bench.recorder.advance(S // 2 - 1)
    assert bench.recorder.take() == []
    bench.recorder.finish(int(2.5 * S))
    reported = [(i.start_s, i.end_s, i.phase) for i in bench.recorder.take()]
    assert reported == [
        (0, 0.5, "warm_up"),
        (0.5, 1.5, "window"),
        (1.5, 1.75, "window"),
        (1.75, 2.5, "after"),
    ]


def test_errors_and_time_under_way_are_counted(load: Load) -> None:
    bench = Bench(load)
    busy = SimpleNamespace(busy=True, due_ns=S // 4, endpoint=bench.endpoints[0])
    done = SimpleNamespace(busy=False, due_ns=S // 2, endpoint=bench.endpoints[0])
    bench.connections[:] = [busy, done]
    bench.recorder.error(done, "status", True, S * 3 // 4)
    bench.recorder.error(done, "closed", False, S * 3 // 4)
    bench.samples.idle_since_ns.append(S * 9 // 10)
    bench.recorder.advance(S)
    (first,) = bench.recorder.take()
    assert (first.errors, first.checked, first.answers) == (Counter(status=1, closed=1), 1, 0)
    assert first.busy_user_s == pytest.approx(0.75 + 2 * 0.25) and first.idle_user_s == pytest.approx(0.1)
    busy.busy = False
    bench.record([S])  # it ended at 1.25 s
    bench.recorder.advance(2 * S)
    (second,) = bench.recorder.take()
    assert second.busy_user_s == pytest.approx(0.25) and second.idle_user_s == pytest.approx(1)
    assert bench.recorder.answered == 2


def test_memory_does_not_grow_over_an_hour_of_intervals(load: Load, tmp_path: Path) -> None:
    bench = Bench(load)
    merge = merge_of(load, tmp_path / "latency.hlog", members="a")
    taken = latencies_ns(3, 20).tolist()
    tracemalloc.start()
    try:
        for second in range(1, 3601):
            bench.record(taken)
            bench.recorder.advance(second * S)
            merge.add("a", bench.recorder.take())
            bench.heard.clear()
            if second == 60:
                gc.collect()
                tracemalloc.reset_peak()
                early, _ = tracemalloc.get_traced_memory()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        late, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    merge.finish()
    assert merge.window.answers == 20 * 3600
    # One histogram takes some 190 kB, and waits for the garbage collector with some others: an hour of
    # them would be 680 MB. The collector of Python 3.13 lets more of them wait.
    assert late - early < 300_000 and peak - early < 100_000_000
