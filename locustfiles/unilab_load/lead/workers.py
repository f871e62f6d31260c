"""The processes that make the load, as the lead sees them: this process, or Locust's workers."""

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
    """What a run needs of its workers.

    Attributes:
        cadence_s: how late a report may be about a response or a timeout.
    """

    cadence_s: float

    def users(self) -> dict[str, int]:
        """Users of each member that is there."""

    def user_failure(self) -> str:
        """Why a user could not start, as far as this process knows; "" where none failed."""

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
        runner.environment.events.test_start.add_listener(self._begin)

    def users(self) -> dict[str, int]:
        """All users under one name."""
        return {"local": self._runner.user_count}

    def user_failure(self) -> str:
        """The first exception of a user's ``on_start`` in this run."""
        return self._worker.user_failure

    def _begin(self, **_: Any) -> None:
        self._worker.user_failure = ""

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
        """No process but this one, so none."""
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

    def user_failure(self) -> str:
        """Not known here: each worker's own log has it."""
        return ""

    def start(self, orders: Mapping[str, Order]) -> None:
        """Send each worker its order."""
        self._members = set(orders)
        self._awaited = {name: order.number for name, order in orders.items()}
        for name, order in orders.items():
            self._runner.send_message(START, order.to_message(), client_id=name)

    def end(self) -> None:
        """Let all workers end."""
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
        message = data.get(REPORT)
        # A worker still reports after its last interval. Those reports hold nothing.
        if message and self._awaited.get(client_id) == message["order"]:
            self._reports.append((client_id, WorkerReport.from_message(message)))
            if message["over"]:
                del self._awaited[client_id]
