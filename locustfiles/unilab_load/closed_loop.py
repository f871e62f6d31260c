"""One run: check the target, let N users ask without a pause, watch over it, write what came of it."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from typing import Any

from gevent.event import Event

from unilab_load.failures import CONNECTION_KINDS, WrongAnswer, failure_kind
from unilab_load.generator_cost import CpuMeter, verdict
from unilab_load.liveness import Ending, Liveness
from unilab_load.options import LoadOptions
from unilab_load.outcome import write_outcome
from unilab_load.recorder import Recorder, Window
from unilab_load.reference import Expected, Identity, TargetError, check_identity, check_responses

_COMPLETED = Ending("completed")
_TICK_S = 0.1
_LOG = logging.getLogger(__name__)


class ClosedLoop:
    """The run that all users of this process share. Times are seconds since the load's start.

    Users call ``wait_for_start``, then ``admit`` before and ``settle`` after each request. One greenlet
    runs ``supervise``. ``finish`` does its work once, whoever calls it first.
    """

    def __init__(self, options: LoadOptions, reference: list[Expected], tool: str) -> None:
        self.expected = reference[0]
        self.ending: Ending | None = None
        self.options = options
        self._reference = reference
        self._tool = tool
        self._identity: Identity | None = None
        self._liveness = Liveness(options.users, options.timeout_s)
        self._meter = CpuMeter()
        self._recorder: Recorder | None = None
        self._spawned = Event()
        self._started = Event()
        self._progress = Event()
        self._in_flight: set[int] = set()
        self._sent = 0
        self._latest_s = 0.0
        self._ended_s: float | None = None
        self._idle_since_s: list[float] = []

    def all_users_are_there(self) -> None:
        """Locust has spawned every user."""
        self._spawned.set()

    def wait_for_start(self) -> None:
        """Block a user until the target is checked and all users can start together."""
        self._started.wait()

    def admit(self, user: int) -> bool:
        """Whether ``user`` may send a request, which then counts as sent; False for good."""
        now_s = self._now_s()
        if self._ended_s is not None or self._is_over(now_s):
            self._idle_since_s.append(now_s)
            return False
        self._sent += 1
        self._in_flight.add(user)
        self._liveness.sent(user)
        return True

    def settle(self, user: int, latency_ms: float, error: BaseException | None) -> bool:
        """Record the end of ``user``'s request; return whether the user should pause before the next."""
        if self._ended_s is not None or self._recorder is None:
            return False
        now_s = self._now_s()
        self._latest_s = now_s
        self._in_flight.discard(user)
        lost = False
        if error is None:
            self._liveness.answered(user, now_s)
            self._recorder.right_answer(now_s, latency_ms)
        else:
            kind = failure_kind(error)
            answered = isinstance(error, WrongAnswer)
            lost = kind in CONNECTION_KINDS
            if answered:
                self._liveness.answered(user, now_s)
            else:
                self._liveness.failed(user, kind)
            self._recorder.error(now_s, kind, answered)
        if not self._in_flight:
            self._progress.set()
        return lost

    def supervise(self) -> None:
        """Run from the first check to load.json."""
        try:
            self._identity = check_identity(self.options)
            check_responses(self.options, self._reference)
            self._spawned.wait()
            if self.ending is not None:  # interrupted during the checks
                return
            self._start()
            ending = self._watch()
            self._end_load()
            if ending == _COMPLETED and check_identity(self.options) != self._identity:
                ending = Ending("invalid", "GET /identity: not the same after the load as before it")
        except TargetError as error:
            ending = error.ending
        self.finish(ending)

    def finish(self, ending: Ending) -> None:
        """End the run and write load.json. A second call changes nothing. Raises OSError."""
        if self.ending is not None:
            return
        load = None
        if self._recorder is not None:
            window_s = self._recorder.finish(self._end_load())
            window = self._recorder.window
            if self._meter.started and window_s > 0 and window.right_answers:
                load = self._load_result(window, window_s)
            elif ending == _COMPLETED:
                ending = Ending("invalid", self._why_nothing_was_measured(window, window_s))
        self.ending = ending
        write_outcome(self.options.output / "load.json", ending, load, self._identity)
        _LOG.info("load %s %s", ending.state, ending.why)

    def _start(self) -> None:
        self._started_at = datetime.now(timezone.utc)
        self._zero_s = time.perf_counter()
        options = self.options
        self._recorder = Recorder(
            options.output / "latency.hlog", self._started_at, options.warm_up_s, options.duration_s
        )
        self._liveness.start(0.0)
        self._started.set()

    def _now_s(self) -> float:
        return time.perf_counter() - self._zero_s

    def _is_over(self, now_s: float) -> bool:
        total = self.options.requests
        return now_s >= self.options.send_until_s or (total is not None and self._sent >= total)

    def _watch(self) -> Ending:
        """Return when every request is settled, or when waiting longer would tell nothing new."""
        options = self.options
        over_since_s: float | None = None
        marks_s = [options.warm_up_s, options.send_until_s]
        while True:
            now_s = self._now_s()
            if now_s >= options.warm_up_s:
                self._meter.start(now_s)
            ending = self._liveness.ending(now_s)
            if ending is not None:
                return ending
            if over_since_s is None and self._is_over(now_s):
                over_since_s = now_s
                if options.duration_s is not None:
                    self._meter.stop(now_s)
            if over_since_s is not None and not self._in_flight:
                return self._all_settled()
            if over_since_s is not None and now_s >= over_since_s + options.timeout_s:
                self._give_up(now_s)
                return self._all_settled()
            marks_s = [mark_s for mark_s in marks_s if mark_s > now_s]
            self._progress.clear()
            self._progress.wait(min([_TICK_S, *(mark_s - now_s for mark_s in marks_s)]))

    def _give_up(self, now_s: float) -> None:
        """Count what is still in flight as timeouts: a socket's own timeout forgives an answer that drips."""
        assert self._recorder is not None
        for _ in self._in_flight:
            self._recorder.error(now_s, "timeout", answered=False)
        self._in_flight.clear()
        self._latest_s = now_s

    def _end_load(self) -> float:
        """Settle nothing from now on; return when the load ended. Later calls change nothing."""
        if self._ended_s is None:
            now_s = self._now_s()
            self._meter.stop(now_s)
            used_up = self._sent == self.options.requests and not self._in_flight
            self._ended_s = self._latest_s if used_up else now_s
        return self._ended_s

    def _all_settled(self) -> Ending:
        total = self.options.requests
        if total is not None and self._sent < total:
            return Ending(
                "invalid",
                f"{self._sent} of {total} requests were sent within --max-s {self.options.max_s:g}",
            )
        return _COMPLETED

    def _load_result(self, window: Window, window_s: float) -> dict[str, Any]:
        """The record's part ``load``, as docs/load.md explains it."""
        options = self.options
        cpu_s, cpu_percent = self._meter.read()
        throughput_per_s = window.right_answers / window_s
        mean_s = window.mean_ms / 1000
        return {
            "users": options.users,
            "warm_up_s": options.warm_up_s,
            "window_s": window_s,
            "started_at": self._started_at.isoformat(),
            "requests": window.right_answers,
            "throughput_per_s": throughput_per_s,
            "mean_response_ms": window.mean_ms,
            "percentiles_ms": window.percentiles_ms(),
            "little_residual": throughput_per_s * mean_s / options.users - 1,
            "errors": dict(window.errors),
            "responses_checked": window.checked_answers,
            "generator": {
                "tool": self._tool,
                "cpu_percent": cpu_percent,
                "cpu_s": cpu_s,
                "processes": 1,
            },
            "verdict": verdict(
                cpu_percent,
                throughput_per_s * mean_s / self._busy_users(window_s) - 1,
                sum(window.errors.values()),
            ),
            "histogram": "latency.hlog",
        }

    def _busy_users(self, window_s: float) -> float:
        """Mean number of users that had work in the window.

        When a total of requests is used up, users fall idle one by one while the last answers are
        awaited. That is no fault of the generator, so its verdict leaves their idle time out.
        """
        begin_s = self.options.warm_up_s
        end_s = begin_s + window_s
        idle_s = sum(max(0.0, end_s - max(since_s, begin_s)) for since_s in self._idle_since_s)
        return self.options.users - idle_s / window_s

    def _why_nothing_was_measured(self, window: Window, window_s: float) -> str:
        if window_s <= 0 or not self._meter.started:
            return (
                f"all requests were settled within the warm-up of {self.options.warm_up_s:g} s; "
                "give more --requests or a shorter --warm-up-s"
            )
        errors = ", ".join(f"{kind} {count}" for kind, count in sorted(window.errors.items()))
        return f"no right answer in the window of {window_s:.1f} s (errors: {errors or 'none'})"
