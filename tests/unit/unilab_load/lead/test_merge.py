"""Intervals of several processes joined by second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.unilab_load.builders import interval_of, logged, merge_of

Load = Callable[[str], Any]


def test_merge_adds_members_by_second_in_order(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    merge = merge_of(load, path, warm_up_s=1.0)
    merge.add("b", [interval_of(load, 0.0, "warm_up", [900]), interval_of(load, 1.0, "window", [30, 40])])
    assert logged(path) == [], "a second was written before both members reported it"
    merge.add("a", [interval_of(load, 0.0, "warm_up", [800])])
    merge.add("a", [interval_of(load, 1.0, "window", [20])])
    merge.add("b", [interval_of(load, 2.0, "window", [50])])
    merge.add("a", [interval_of(load, 2.0, "window", []), interval_of(load, 3.0, "after", [700], 3.25)])
    merge.complete("a")
    merge.add("b", [interval_of(load, 3.0, "after", [600], 3.5)])
    merge.complete("b")
    merge.finish()
    assert logged(path) == [
        (0, 1, "warm_up", 2, 900),
        (1, 2, None, 3, 40),
        (2, 3, None, 1, 50),
        (3, 3.5, "after", 2, 700),
    ]
    window = merge.window
    assert (window.start_s, window.end_s, window.answers) == (1, 3, 4)
    assert (window.sum_ns, window.max_ns) == (140_000, 50_000)
    assert window.latencies.get_total_count() == 4
    assert {name: cost.cpu_s for name, cost in merge.costs.items()} == {"a": 1.0, "b": 1.0}


def test_lost_member_does_not_stop_the_others_intervals(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    merge = merge_of(load, path)
    merge.add("a", [interval_of(load, 0.0, "window", [10])])
    for second in range(4):
        merge.add("b", [interval_of(load, float(second), "window", [20 + second])])
    assert len(logged(path)) == 1
    merge.complete("a")
    assert len(logged(path)) == 4
    merge.add("b", [interval_of(load, 4.0, "window", [60])])
    merge.finish()
    assert [row[3:] for row in logged(path)] == [(2, 20), (1, 21), (1, 22), (1, 23), (1, 60)]
    assert merge.window.answers == 6


def test_finish_writes_intervals_although_a_member_never_reported(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    merge = merge_of(load, path)
    merge.add("b", [interval_of(load, 0.0, "window", [10])])
    merge.finish()
    assert logged(path) == [(0, 1, None, 1, 10)]
