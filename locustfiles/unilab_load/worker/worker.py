"""A process that makes load: takes an order, runs it in the engine, reports the result."""

from __future__ import annotations

import gc
import logging
import math
import os
import socket
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

import gevent
from gevent.event import Event

from unilab_load.request import Request
from unilab_load.wire.endpoint import Endpoint
from unilab_load.worker.costs import CostMeter, Link, link_to
from unilab_load.worker.engine import Engine
from unilab_load.worker.locust_statistics import LocustStatistics
from unilab_load.worker.loops import ClosedLoop, Loop, OpenLoop
from unilab_load.worker.messages import Order, WorkerReport
from unilab_load.worker.raw_samples import SampleFile
from unilab_load.worker.recorder import Recorder
from unilab_load.worker.samples import Samples
from unilab_load.worker.schedule import due_times_s

_LOG = logging.getLogger(__name__)
_ALL_USERS_S = 60.0


class Worker:
    """Makes the load of this process. Its users join first; then one order after another is run."""

    def __init__(self, statistics: LocustStatistics) -> None:
        self._statistics = statistics
        self._users: list[Any] = []
        self._joined = Event()
        self._engine: Engine | None = None
        self._loop: Loop | None = None
        self._recorder: Recorder | None = None
        self._order: Order | None = None
        self._link = Link("", None)
        self._over = False
        self._failure = ""
        self.user_failure = ""

    def user_failed(self, name: str, error: Exception) -> None:
        """Keep the first ``error`` of a user, of the class ``name``, since ``user_failure`` was emptied."""
        self.user_failure = self.user_failure or f"a user of class {name} did not start: {error!r}"

    def join(self, user: Any) -> None:
        """Add ``user``, and block until Locust ends it."""
        self._users.append(user)
        self._joined.set()
        try:
            Event().wait()
        finally:
            self._users.remove(user)

    def run(self, order: Order) -> None:
        """Run ``order`` from its first request to its last answer. Blocks this greenlet."""
        # The results of an earlier order must not be reported as this one's.
        self._engine = self._loop = self._recorder = None
        self._order, self._over, self._failure = order, False, ""
        try:
            self._run(order)
        except Exception as error:
            _LOG.exception("the load failed")
            self._failure = f"the load generator failed: {error!r}"
        self._over = True

    def end(self) -> None:
        """End the order that is run, whatever is under way."""
        if self._engine is not None:
            self._engine.end()

    def report(self) -> WorkerReport | None:
        """What has been done since the last call; None before the first order."""
        order, engine, loop, recorder = self._order, self._engine, self._loop, self._recorder
        if order is None:
            return None
        over = self._over
        report = WorkerReport(order.number, socket.gethostname(), os.getpid(), order.users, over=over)
        report.failure = self._failure
        if engine is not None and loop is not None and recorder is not None:
            report.interface, report.speed_bits_per_s = self._link.interface, self._link.speed_bits_per_s
            report.sent, report.unsent = loop.sent, loop.unsent
            report.waiting, report.lost, report.details = engine.busy, engine.lost(), engine.details
            report.intervals, report.answered = recorder.take(), recorder.answered
        return report

    def _run(self, order: Order) -> None:
        self._await_users(order.users)
        self._link = link_to(order.target)
        engine = Engine(order.target, order.plan.timeout_s)
        endpoints = _endpoints(self._users, order)
        for user in self._users[: order.users]:
            engine.add([endpoints[request, type(user).keep_alive] for request in user.tasks])
        # A full collection would stop the load for tens of milliseconds, to look at what never changes.
        gc.collect()
        gc.freeze()
        begin_ns = perf_counter_ns()
        with SampleFile(order.samples) as samples:
            recorder = Recorder(
                begin_ns,
                warm_up_s=order.plan.warm_up_s,
                duration_s=order.plan.duration_s,
                endpoints=list(endpoints.values()),
                connections=engine.connections,
                meter=CostMeter(self._link.interface, engine.retransmits),
                listeners=[self._statistics.add, samples.add],
            )
            loop = _loop(order, recorder.samples, begin_ns)
            self._engine, self._loop, self._recorder = engine, loop, recorder
            try:
                engine.run(loop, recorder)
            finally:
                total, now_ns = order.plan.requests, perf_counter_ns()
                recorder.finish(_end_ns(total, loop.sent, recorder.samples, engine.busy, now_ns))
                engine.close()
                gc.unfreeze()

    def _await_users(self, wanted: int) -> None:
        with gevent.Timeout(
            _ALL_USERS_S, TimeoutError(f"{wanted} users were not there in {_ALL_USERS_S:g} s")
        ):
            while len(self._users) < wanted:
                self._joined.clear()
                self._joined.wait()


def _endpoints(users: Sequence[Any], order: Order) -> dict[tuple[Request, bool], Endpoint]:
    """An endpoint for every request of every user class; users of one class share them."""
    expected = {(row.method, row.path): row.response for row in order.reference}
    return {
        (request, kind.keep_alive): Endpoint(
            request, expected[request.method, request.path], order.target.host, kind.keep_alive
        )
        for kind in {type(user) for user in users}
        for request in kind.tasks
    }


def _loop(order: Order, samples: Samples, begin_ns: int) -> Loop:
    plan = order.plan
    until_ns = begin_ns + math.ceil(plan.send_until_s * 1e9)
    if plan.rate_per_s is None:
        return ClosedLoop(samples, until_ns, plan.requests)
    due = due_times_s(plan.arrivals, plan.rate_per_s, order.share, order.shares, plan.seed)
    return OpenLoop(samples, begin_ns, until_ns, due)


def _end_ns(total: int | None, sent: int, samples: Samples, busy: int, now_ns: int) -> int:
    """When the load ended: with the last response, where a ``total`` of requests was used up."""
    used_up = sent == total and not busy
    return max(samples.idle_since_ns, default=now_ns) if used_up else now_ns
