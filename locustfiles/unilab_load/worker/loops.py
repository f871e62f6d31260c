"""When requests are sent: a closed loop of users, or an open loop of requests that fall due."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter_ns
from typing import Protocol

from unilab_load.wire.connection import Connection
from unilab_load.wire.endpoint import Endpoint
from unilab_load.worker.samples import Samples


class Loop(Protocol):
    """What the engine needs of either loop. Times are nanoseconds of ``perf_counter_ns``.

    Attributes:
        next_due_ns: when the next request falls due by itself; infinity in a closed loop.
        sent: requests handed to a connection so far.
    """

    next_due_ns: float
    sent: int

    @property
    def unsent(self) -> int:
        """Requests that fell due and were never handed to a connection."""

    def begin(self, connections: Sequence[Connection], now_ns: int) -> None:
        """Begin the load."""

    def next(self, connection: Connection, now_ns: int) -> None:
        """``connection`` is free: send its next request, or set it idle."""

    def fall_due(self, now_ns: int) -> None:
        """Send what has fallen due by ``now_ns``."""

    def is_over(self, now_ns: int) -> bool:
        """Whether no request will be sent from now on."""


class ClosedLoop:
    """Every connection sends again as soon as it has its response, until a time or a total of requests."""

    def __init__(self, samples: Samples, until_ns: int, total: int | None) -> None:
        self._samples = samples
        self._until_ns = until_ns
        self._left = -1 if total is None else total
        self.next_due_ns = math.inf
        self.sent = self.unsent = 0

    def begin(self, connections: Sequence[Connection], now_ns: int) -> None:
        """Let every connection send."""
        for connection in connections:
            self.next(connection, now_ns)

    def next(self, connection: Connection, now_ns: int) -> None:
        """Let ``connection`` send again, or set it idle."""
        if now_ns >= self._until_ns or self._left == 0:
            self._samples.idle_since_ns.append(now_ns)
            connection.set_idle()
            return
        self._left -= 1
        self.sent += 1
        connection.send_request(_drawn(connection.endpoints), perf_counter_ns())

    def fall_due(self, now_ns: int) -> None:
        """Nothing ever falls due by itself."""

    def is_over(self, now_ns: int) -> bool:
        """Whether the time or the total is used up."""
        return now_ns >= self._until_ns or self._left == 0


class OpenLoop:
    """Requests fall due by a schedule; each takes a free connection, or waits for one."""

    def __init__(self, samples: Samples, begin_ns: int, until_ns: int, due_times_s: Iterator[float]) -> None:
        self._samples = samples
        self._begin_ns, self._until_ns = begin_ns, until_ns
        self._due_times_s = due_times_s
        self._free: deque[Connection] = deque()
        self._waiting: deque[int] = deque()
        self.next_due_ns: float = 0
        self.sent = 0
        self._draw()

    @property
    def unsent(self) -> int:
        """Requests that fell due and found no free connection yet."""
        return len(self._waiting)

    def begin(self, connections: Sequence[Connection], now_ns: int) -> None:
        """All connections are free."""
        self._free.extend(connections)

    def next(self, connection: Connection, now_ns: int) -> None:
        """Let ``connection`` take the request that has waited longest, or be free."""
        if self._waiting and now_ns < self._until_ns:
            self._send(connection, self._waiting.popleft(), now_ns)
        else:
            connection.set_idle()
            self._free.append(connection)

    def fall_due(self, now_ns: int) -> None:
        """Send what has fallen due, or let it wait where no connection is free."""
        while self.next_due_ns <= now_ns:
            due_ns = int(self.next_due_ns)
            self._draw()
            if self._free:
                self._send(self._free.popleft(), due_ns, due_ns)
            else:
                self._waiting.append(due_ns)

    def is_over(self, now_ns: int) -> bool:
        """Whether the time is used up."""
        return now_ns >= self._until_ns

    def _draw(self) -> None:
        due_ns = self._begin_ns + round(next(self._due_times_s) * 1e9)
        self.next_due_ns = due_ns if due_ns < self._until_ns else math.inf

    def _send(self, connection: Connection, due_ns: int, possible_ns: int) -> None:
        """Send the request that was due at ``due_ns`` and could be sent from ``possible_ns`` on."""
        self.sent += 1
        connection.send_request(_drawn(connection.endpoints), due_ns)
        self._samples.lateness_ns.append(connection.sent_ns - due_ns)
        self._samples.own_lateness_ns.append(connection.sent_ns - possible_ns)


def _drawn(endpoints: Sequence[Endpoint]) -> Endpoint:
    return endpoints[0] if len(endpoints) == 1 else random.choice(endpoints)
