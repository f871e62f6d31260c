"""Processes of one load, as the lead sees them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.unilab_load.orders import options_of, order_of, plan_of

Load = Callable[[str], Any]


def test_process_that_ends_first_does_not_fail_littles_law(load: Load, tmp_path: Path) -> None:
    """Each process has its share of an exact total, and the slower one is alone at the end."""
    measured_module, interval = load("lead.measured"), load("worker.interval")
    started_at = datetime.now(timezone.utc)
    log = load("lead.latency_log").LatencyLog(tmp_path / "latency.hlog", started_at)
    merge = load("lead.merge").Merge(log, ["fast", "slow"], 0)
    orders = {"fast": order_of(load), "slow": order_of(load, share=1)}
    measured = measured_module.Measured(
        started_at, merge, plan_of(load, 200), orders, dict.fromkeys(orders, 0.0)
    )
    for member, seconds in (("fast", 2), ("slow", 4)):
        for start_s in range(seconds):
            done = interval.LoadInterval(float(start_s), start_s + 1.0, "window", answers=50, checked=50)
            done.sum_ns, done.max_ns, done.busy_user_s = 2_000_000_000, 40_000_000, 2.0
            done.latencies.record_value(40_000, 50)
            report = load("worker.messages").WorkerReport(
                7, member, 1, 2, intervals=[done], over=start_s + 1 == seconds
            )
            measured.add(member, report, 0.0)
    merge.finish()
    reported = load("lead.result").load_result(options_of(load, tmp_path), measured, "test")
    assert reported["requests"] == 300 and reported["window_s"] == 4
    # Two of four users were idle for half of the window, which is shown, and is no fault of the generator.
    assert reported["little_residual"] == pytest.approx(-0.25)
    assert reported["verdict"] == "valid"


def test_reports_of_an_earlier_run_are_ignored(load: Load) -> None:
    heard: list[Callable[..., None]] = []
    events = SimpleNamespace(worker_report=SimpleNamespace(add_listener=heard.append))
    runner = SimpleNamespace(
        environment=SimpleNamespace(events=events), clients={}, send_message=lambda *_, **__: None
    )
    module = load("lead.workers")
    workers = module.LocustWorkers(runner)
    (hear,) = heard

    def tell(number: int, over: bool) -> None:
        report = load("worker.messages").WorkerReport(number, "host", 1, 2, over=over)
        hear(client_id="w", data={module.REPORT: report.to_message()})

    tell(6, over=True)
    workers.start({"w": order_of(load)})
    tell(6, over=True)
    tell(7, over=False)
    tell(7, over=True)
    tell(7, over=True)  # it goes on until the next order
    assert [(name, report.order, report.over) for name, report in workers.reports()] == [
        ("w", 7, False),
        ("w", 7, True),
    ]
