"""One run: check the target, let the workers load it, observe it, write the result."""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import gevent
from gevent.event import Event

from unilab_load.lead.check import Identity, TargetError, check_identity, check_responses, reachable
from unilab_load.lead.latency_log import LatencyLog
from unilab_load.lead.liveness import COMPLETED, Ending, Liveness
from unilab_load.lead.measured import Measured
from unilab_load.lead.merge import Merge
from unilab_load.lead.options import LoadOptions
from unilab_load.lead.outcome import write_outcome
from unilab_load.lead.result import load_result
from unilab_load.lead.search import RateSearch, search_step
from unilab_load.lead.summary import summary
from unilab_load.lead.workers import Workers
from unilab_load.wire.exchange import ExpectedResponse
from unilab_load.worker.messages import Order
from unilab_load.worker.plan import LoadPlan
from unilab_load.worker.schedule import share_of

_TICK_S = 0.05
_ALL_USERS_S = 60.0
_LAST_REPORTS_S = 5.0
_SILENT_S = 15.0
"""A load process that has not reported for so long is lost, even where its heartbeat still arrives."""
_ORDER_NUMBERS = itertools.count()
"""Of all runs of this process: with Locust's web page a worker may still report an earlier one."""
_LOG = logging.getLogger(__name__)


class LoadRun:
    """A run, from the first check to load.json. ``finish`` does its work once, whoever calls it first."""

    def __init__(
        self,
        options: LoadOptions,
        *,
        reference: list[ExpectedResponse],
        sent: list[ExpectedResponse],
        workers: Workers,
        tool: str,
        spawn_s: float = 0.0,
    ) -> None:
        """``sent`` is the part of ``reference`` that users send; ``spawn_s``, how long they take to start."""
        self.ending: Ending | None = None
        self.summary: list[str] = []
        self._target = options.targets[0]
        self.options, self._workers, self._tool = options, workers, tool
        self._reference, self._sent = reference, sent
        self._all_users_s = _ALL_USERS_S + spawn_s
        self._identity: Identity | None = None
        self._measured: Measured | None = None
        self._search: list[dict[str, Any]] = []
        self._finished = Event()

    def supervise(self) -> None:
        """Run from the first check to load.json."""
        options = self.options
        try:
            self._target = reachable(options.targets, options.plan.timeout_s)
            self._identity = check_identity(self._target, options)
            if self._identity is None:
                self._reference = self._sent
            check_responses(self._target, options.plan.timeout_s, self._reference)
            ending = self._await_users() or (
                self._load(options.plan.rate_per_s) if options.search_p99_ms is None else self._search_rate()
            )
            if ending == COMPLETED and not self._same_identity():
                ending = Ending("invalid", "GET /identity: not the same after the load as before it")
        except TargetError as error:
            ending = error.ending
        self.finish(ending)

    def _same_identity(self) -> bool:
        """Whether a target that stated its identity before the load states the same after it."""
        return self._identity is None or check_identity(self._target, self.options) == self._identity

    def finish(self, ending: Ending) -> None:
        """End the run and write load.json. A second call waits for the first. Raises OSError."""
        if self.ending is not None:
            self._finished.wait()
            return
        self.ending = ending
        try:
            self._write(ending)
        except BaseException:
            self.ending = Ending("invalid", "load.json could not be written")
            raise
        finally:
            self._finished.set()

    def _write(self, ending: Ending) -> None:
        load, errors = None, "none"
        if self._measured is not None:
            self._workers.end()
            self._await_last_reports(self._measured)
            self._measured.merge.finish()
            errors = self._measured.described_errors()
            load = load_result(self.options, self._measured, self._tool)
            load = load and load | {"search": self._search}
            if load is None and ending == COMPLETED:
                self.ending = ending = Ending("invalid", self._measured.why_nothing())
        write_outcome(self.options.output / "load.json", ending, load, self._identity)
        self.summary = summary(ending, load, errors, self.options.output)
        _LOG.info("load %s %s", ending.state, ending.why)

    def _await_users(self) -> Ending | None:
        deadline_s = time.monotonic() + self._all_users_s
        while sum(self._workers.users().values()) < self.options.users:
            failure = self._workers.user_failure()
            if failure:
                return Ending("invalid", failure)
            if time.monotonic() >= deadline_s:
                return Ending("invalid", f"not all users started within {self._all_users_s:g} s")
            gevent.sleep(_TICK_S)
        started = sum(self._workers.users().values())
        if started != self.options.users:
            return Ending("invalid", f"{started} users started; {self.options.users} were requested")
        return None

    def _load(self, rate_per_s: float | None) -> Ending:
        """Load the target once and keep what was measured."""
        options, workers = self.options, self._workers
        plan = replace(options.plan, rate_per_s=rate_per_s)
        orders = dict(self._orders(next(_ORDER_NUMBERS), plan))
        started_at = datetime.now(timezone.utc)
        log = LatencyLog(options.output / "latency.hlog", started_at)
        merge = Merge(log, orders, plan.warm_up_s)
        began_s = time.monotonic()
        self._measured = measured = Measured(
            started_at, merge, plan, orders, heard_s=dict.fromkeys(orders, began_s)
        )
        workers.start(orders)
        liveness = Liveness(options.users, plan.timeout_s + workers.cadence_s, began_s)
        while self.ending is None:
            gevent.sleep(_TICK_S)
            self._collect(measured)
            now_s = time.monotonic()
            reports = measured.reports.values()
            ending = self._spoiled(measured, now_s - began_s) or liveness.ending(
                now_s,
                sum(report.answered for report in reports),
                sum(report.waiting for report in reports),
                sum((Counter(report.lost) for report in reports), Counter()),
            )
            if ending is not None or measured.over:
                workers.end()
                self._await_last_reports(measured)
                return ending or self._all_sent(measured)
        return self.ending

    def _orders(self, number: int, plan: LoadPlan) -> Iterator[tuple[str, Order]]:
        """Each member's share of ``plan``: requests by its users, the schedule in equal parts."""
        options, users = self.options, self._workers.users()
        first, total = 0, options.plan.requests
        for share, (name, held) in enumerate(users.items()):
            end = first + held
            part = None if total is None else share_of(total, first, end, options.users)
            yield (
                name,
                Order(
                    number=number,
                    share=share,
                    shares=len(users),
                    target=self._target,
                    users=held,
                    plan=replace(plan, requests=part),
                    reference=self._reference,
                    samples=options.samples,
                ),
            )
            first = end

    def _collect(self, measured: Measured) -> None:
        now_s = time.monotonic()
        for name, report in self._workers.reports():
            if name in measured.orders and report.order == measured.orders[name].number:
                measured.add(name, report, now_s)
        silent = {name for name, heard_s in measured.heard_s.items() if now_s - heard_s > _SILENT_S}
        for name in (self._workers.lost() | silent) & set(measured.orders) - measured.done - measured.lost:
            _LOG.error("the load process %s is lost", name)
            measured.lose(name)

    def _spoiled(self, measured: Measured, now_s: float) -> Ending | None:
        failures = [report.failure for report in measured.reports.values() if report.failure]
        if measured.lost:
            names = ", ".join(sorted(measured.lost))
            return Ending("invalid", f"a load process was lost after {now_s:.0f} s: {names}")
        return Ending("invalid", failures[0]) if failures else None

    def _await_last_reports(self, measured: Measured) -> None:
        deadline_s = time.monotonic() + _LAST_REPORTS_S
        while not measured.over and time.monotonic() < deadline_s:
            gevent.sleep(_TICK_S)
            self._collect(measured)

    def _all_sent(self, measured: Measured) -> Ending:
        total = self.options.plan.requests
        sent = sum(report.sent for report in measured.reports.values())
        if total is not None and sent < total:
            why = f"{sent} of {total} requests were sent within --max-s {self.options.plan.max_s:g}"
            return Ending("invalid", why)
        return COMPLETED

    def _search_rate(self) -> Ending:
        """Load at one rate after another; keep what was measured at the highest that kept the limit."""
        options = self.options
        assert options.plan.rate_per_s is not None
        search = RateSearch(options.plan.rate_per_s)
        best: Measured | None = None
        log, best_log = options.output / "latency.hlog", options.output / ".latency.hlog.best"
        going_on = True
        while going_on:
            ending = self._load(search.rate_per_s)
            measured = self._measured
            if ending != COMPLETED or measured is None:
                best_log.unlink(missing_ok=True)
                return ending
            measured.merge.finish()
            step = search_step(options, search.rate_per_s, load_result(options, measured, self._tool))
            self._search.append(step)
            _LOG.info("%.0f requests/s: %s", search.rate_per_s, step["why"] or "kept")
            if step["kept"] and search.rate_per_s > search.kept_per_s:
                best = measured
                log.replace(best_log)
            going_on = search.add_result(step["kept"])
        if best is None:
            return Ending("invalid", f"no rate kept a p99 of {options.search_p99_ms:g} ms")
        best_log.replace(log)
        self._measured = best
        return COMPLETED
