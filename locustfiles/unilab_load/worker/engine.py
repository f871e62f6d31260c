"""The event loop that owns all connections of this process: no greenlet and no watcher per request.

It waits in epoll itself, in short turns, and lets gevent's other greenlets (Locust's statistics, its
messages) run between them. What that saves is most of what a Locust user costs.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import select
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import gevent
from gevent.monkey import get_original

from unilab_load.wire.connection import Connection
from unilab_load.wire.endpoint import Endpoint
from unilab_load.wire.failures import ANSWERED_KINDS
from unilab_load.wire.target import Target
from unilab_load.worker.loops import Loop
from unilab_load.worker.recorder import Recorder

_TURN_NS = 10_000_000
"""Longest time that other greenlets wait for their turn."""

_SWEEP_NS = 50_000_000
"""How often connections are checked for a timeout."""

_FIRST_BACK_OFF_NS, _LONGEST_BACK_OFF_NS = 100_000_000, 1_000_000_000

_NO_BACK_OFF = frozenset({"status", "body", "timeout"})

# Locust lets gevent replace these by versions of its own, which serve greenlets.
_epoll = get_original("select", "epoll")
_select = get_original("select", "select")


class Engine:
    """Runs one load over its connections. Times are nanoseconds of ``perf_counter_ns``.

    Attributes:
        family, address: of the target, in the forms that ``socket`` takes.
        connections: one per user.
        details: what was wrong with the first failed request of each kind.
    """

    def __init__(self, target: Target, timeout_s: float) -> None:
        self.family, self.address = target.socket_address()
        self.details: dict[str, str] = {}
        self.connections: list[Connection] = []
        self._timeout_ns = round(timeout_s * 1e9)
        self._poller = _epoll()
        self._watched: dict[int, Connection] = {}
        self._timers: list[tuple[int, int, Connection]] = []
        self._numbers = itertools.count()
        self._ending = False
        self._closed_early = self._closed_late = 0

    def add(self, endpoints: Sequence[Endpoint]) -> Connection:
        """Add a connection that may request ``endpoints``; it connects with its first request."""
        self.connections.append(Connection(self, endpoints))
        return self.connections[-1]

    def run(self, loop: Loop, recorder: Recorder) -> None:
        """Run ``loop`` until all that it sent is settled, or ``end`` is called. Blocks this greenlet."""
        self._loop, self._recorder = loop, recorder
        _sharpen_timers()
        turn_ns = sweep_ns = perf_counter_ns()
        loop.begin(self.connections, turn_ns)
        watched = self._watched
        while True:
            now_ns = perf_counter_ns()
            if now_ns >= turn_ns:
                turn_ns = now_ns + _TURN_NS
                if now_ns >= sweep_ns:
                    sweep_ns = now_ns + _SWEEP_NS
                    self._sweep(now_ns)
                if self._ending or (loop.is_over(now_ns) and not self.busy):
                    break
                recorder.advance(now_ns)
                gevent.sleep(0)
            for fd, _ in self._wait(now_ns, turn_ns):
                connection = watched.get(fd)
                if connection is not None:
                    connection.ready()
            if self._timers or loop.next_due_ns <= perf_counter_ns():
                self._fire(perf_counter_ns())

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections:
            connection.close()
        self._poller.close()

    @property
    def busy(self) -> int:
        """How many connections have a request under way."""
        return sum(connection.busy for connection in self.connections)

    def lost(self) -> dict[str, int]:
        """How many connections ended and have had no response since, by kind of failure."""
        return Counter(connection.lost for connection in self.connections if connection.lost)

    def end(self) -> None:
        """Let ``run`` return soon, whatever is under way."""
        self._ending = True

    def watch(self, watched: socket.socket, connection: Connection, writable: bool) -> None:
        """Call ``connection`` when the socket can be read from, or also when it can be written to."""
        mask = select.EPOLLIN | (select.EPOLLOUT if writable else 0)
        fd = watched.fileno()
        if fd in self._watched:
            self._poller.modify(fd, mask)
        else:
            self._watched[fd] = connection
            self._poller.register(fd, mask)

    def forget(self, watched: socket.socket) -> None:
        """Stop watching the socket."""
        if self._watched.pop(watched.fileno(), None) is not None:
            self._poller.unregister(watched.fileno())

    def answered(self, connection: Connection, now_ns: int) -> None:
        """``connection`` has received the right response."""
        recorder = self._recorder
        if now_ns >= recorder.interval_end_ns:
            recorder.advance(now_ns)
        connection.endpoint.record_ns(now_ns - connection.due_ns)
        self._loop.next(connection, now_ns)

    def closed(self, early: int, late: int) -> None:
        """A socket was closed on which segments were sent again: before its first response, and after."""
        self._closed_early += early
        self._closed_late += late

    def retransmits(self, with_open: bool) -> tuple[int, int]:
        """Segments sent again so far, before the first response of their connection and after it.

        Those of connections that are still open are read ``with_open`` only: it takes a system call each.
        """
        counts = [c.retransmits() for c in self.connections] if with_open else []
        return (
            self._closed_early + sum(early for early, _ in counts),
            self._closed_late + sum(late for _, late in counts),
        )

    def failed(self, connection: Connection, kind: str, describe: Callable[[], str]) -> None:
        """The request of ``connection`` ended in an error of ``kind``; ``describe`` says what was wrong."""
        if kind not in self.details:
            self.details[kind] = describe()
        now_ns = perf_counter_ns()
        self._recorder.advance(now_ns)
        self._recorder.error(connection, kind, kind in ANSWERED_KINDS, now_ns)
        if kind in _NO_BACK_OFF or self._loop.is_over(now_ns):
            self._loop.next(connection, now_ns)
            return
        # Without a listener a refusal comes at once: without a pause the loop would only use CPU.
        connection.set_idle()
        pause_ns = min(_FIRST_BACK_OFF_NS << min(connection.failures - 1, 10), _LONGEST_BACK_OFF_NS)
        heapq.heappush(self._timers, (now_ns + pause_ns, next(self._numbers), connection))

    def _fire(self, now_ns: int) -> None:
        while self._timers and self._timers[0][0] <= now_ns:
            _, _, connection = heapq.heappop(self._timers)
            self._loop.next(connection, now_ns)
        self._loop.fall_due(now_ns)

    def _sweep(self, now_ns: int) -> None:
        latest_ns = now_ns - self._timeout_ns
        for connection in self.connections:
            if connection.busy and connection.sent_ns <= latest_ns:
                connection.fail("timeout")

    def _wait(self, now_ns: int, turn_ns: int) -> list[tuple[int, int]]:
        """Wait for sockets until the turn is over, or a timer or a request falls due."""
        wake_ns = turn_ns if not self._timers else min(turn_ns, self._timers[0][0])
        due_ns = self._loop.next_due_ns
        if due_ns < wake_ns:
            # epoll counts milliseconds; select does microseconds, and takes an epoll like any file.
            wait_s = (due_ns - now_ns) / 1e9
            if wait_s > 0:
                _select([self._poller], (), (), wait_s)
            return self._poller.poll(0)
        return self._poller.poll(max(0, wake_ns - now_ns) / 1e9)


def _sharpen_timers() -> None:
    """Wake at the requested time: Linux may wait 50 us longer by default (PR_SET_TIMERSLACK in prctl(2))."""
    ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)
