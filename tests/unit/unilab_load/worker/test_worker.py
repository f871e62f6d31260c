"""One process that runs orders and reports."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.unit.unilab_load.orders import order_of

Load = Callable[[str], Any]


def test_report_has_nothing_of_an_earlierorder_of(load: Load, monkeypatch: Any) -> None:
    worker = load("worker.worker").Worker(statistics=None)
    worker._engine = SimpleNamespace(busy=3, lost=lambda: {"refused": 1}, details={})
    worker._loop = SimpleNamespace(sent=9, unsent=0)
    worker._recorder = SimpleNamespace(take=lambda: [], answered=9)
    reports: list[Any] = []
    monkeypatch.setattr(worker, "_run", lambda order: reports.append(worker.report()))
    worker.run(order_of(load, number=8))
    (report,) = reports
    assert (report.order, report.sent, report.answered, report.waiting, report.lost) == (8, 0, 0, 0, {})
