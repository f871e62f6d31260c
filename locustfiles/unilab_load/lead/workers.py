"""The processes that make the load, as the one in charge sees them: this one, or Locust's workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import gevent
from locust.runners import MasterRunner, Runner

from unilab_load.worker.messages import Order, WorkerReport
from unilab_load.worker.worker import Worker

START, END = "unilab_start", "unilab_end"
REPORT = "unilab"
"""Names of our messages, and of our part of Locust's own report."""


class Workers(Protocol):
    """What a run asks of its workers.

    Attributes:
        cadence_s: how late a report may tell of an answer or of a timeout.
    """

    cadence_s: float

    def users(self) -> dict[str, int]:
        """Users of each member that is there."""

    def start(self, orders: Mapping[str, Order]) -> None:
        """Let each member run its order."""

    def end(self) -> None:
        """Let every member end its order, whatever is under way."""

    def reports(self) -> list[tuple[str, WorkerReport]]:
        """What members have reported since the last call, with their names."""

    def lost(self) -> set[str]:
        """Members that died."""


class LocalRunner:
    """This process makes all the load itself."""

    cadence_s = 0.2

    def __init__(self, runner: Runner, worker: Worker) -> None:
        self._runner, self._worker = runner, worker

    def users(self) -> dict[str, int]:
        """All users under one name."""
        return {"local": self._runner.user_count}

    def start(self, orders: Mapping[str, Order]) -> None:
        """Run the one order in a greenlet of its own."""
        for order in orders.values():
            gevent.spawn(self._worker.run, order)

    def end(self) -> None:
        """End the order."""
        self._worker.end()

    def reports(self) -> list[tuple[str, WorkerReport]]:
        """The one report."""
        report = self._worker.report()
        return [] if report is None else [("local", report)]

    def lost(self) -> set[str]:
        """Nobody."""
        return set()


class LocustWorkers:
    """Locust's workers, on this machine and on others."""

    cadence_s = 3.0

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._members: set[str] = set()
        self._awaited: dict[str, int] = {}
        self._reports: list[tuple[str, WorkerReport]] = []
        runner.environment.events.worker_report.add_listener(self._received)

    def users(self) -> dict[str, int]:
        """Users of each worker that is alive."""
        return {name: node.user_count for name, node in self._alive().items() if node.user_count}

    def start(self, orders: Mapping[str, Order]) -> None:
        """Send each worker its order."""
        self._members = set(orders)
        self._awaited = {name: order.number for name, order in orders.items()}
        for name, order in orders.items():
            self._runner.send_message(START, order.to_message(), client_id=name)

    def end(self) -> None:
        """Tell all workers."""
        for name in self._members & set(self._alive()):
            self._runner.send_message(END, None, client_id=name)

    def reports(self) -> list[tuple[str, WorkerReport]]:
        """What came by Locust's own report events."""
        reports, self._reports = self._reports, []
        return reports

    def lost(self) -> set[str]:
        """LocustWorkers whose heartbeat has stopped, or who went away."""
        return self._members - set(self._alive())

    def _alive(self) -> dict[str, Any]:
        return {name: node for name, node in self._runner.clients.items() if node.state != "missing"}

    def _received(self, client_id: str, data: dict[str, Any]) -> None:
        told = data.get(REPORT)
        # A worker goes on reporting after its last word, and nobody would look at that.
        if told and self._awaited.get(client_id) == told["order"]:
            self._reports.append((client_id, WorkerReport.from_message(told)))
            if told["over"]:
                del self._awaited[client_id]
