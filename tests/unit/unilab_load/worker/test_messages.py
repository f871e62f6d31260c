"""Messages between processes arrive as they were sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.unit.unilab_load.builders import content_of, interval_of, over_the_wire

Load = Callable[[str], Any]


def test_interval_equals_the_one_from_its_message(load: Load) -> None:
    interval = interval_of(load, 3.0, "window", [5, 1000, 70_000, 70_000])
    interval.errors.update(status=2, closed=1)
    interval.lateness = load("worker.interval").new_histogram()
    interval.lateness.record_value(42)
    interval.busy_user_s, interval.idle_user_s = 1.25, 0.5
    again = load("worker.interval").LoadInterval.from_message(over_the_wire(interval.to_message()))
    assert content_of(again) == content_of(interval)
    assert again.own_lateness is None
    again.add(interval)
    assert again.latencies.get_total_count() == 8 and again.lateness.get_total_count() == 2
    assert again.errors == Counter(status=4, closed=2)


def test_orders_and_reports_equal_those_from_their_messages(load: Load) -> None:
    messages, exchange = load("worker.messages"), load("wire.exchange")
    expected = exchange.ExpectedResponse("GET", "/a", exchange.Response(200, "text/plain", b"\0\xff"))
    order = messages.Order(
        number=1,
        share=2,
        shares=3,
        target=load("wire.target").Target("name:80", "127.0.0.1", 80),
        users=4,
        plan=load("worker.plan").LoadPlan(
            warm_up_s=0.5,
            duration_s=2.0,
            requests=None,
            max_s=60.0,
            timeout_s=5.0,
            rate_per_s=9.5,
            arrivals="poisson",
            seed=7,
        ),
        reference=[expected],
        samples=None,
    )
    assert messages.Order.from_message(over_the_wire(order.to_message())) == order
    assert order.plan.send_until_s == 2.5
    report = messages.WorkerReport(
        1, "host", 42, 4, "eth0", 1e9, 10, 1, 9, 1, {"reset": 1}, {"reset": "a"}, [], True, "why"
    )
    report.intervals = [interval_of(load, 0.0, "warm_up", [1]), interval_of(load, 1.0, "window", [2, 3])]
    again = messages.WorkerReport.from_message(over_the_wire(report.to_message()))
    assert [content_of(i) for i in again.intervals] == [content_of(i) for i in report.intervals]
    again.intervals = report.intervals
    assert again == report
