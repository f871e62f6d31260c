"""Which loop sends when, and what the open loop counts as its own lateness."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

Load = Callable[[str], Any]
S = 1_000_000_000


class _Connection:
    """Hands a request to the system ``delay_ns`` after ``now_ns``, which the test sets."""

    def __init__(self) -> None:
        self.endpoints = ["a"]
        self.asked: list[int] = []
        self.sent_ns = self.now_ns = self.delay_ns = 0
        self.rests = 0

    def send_request(self, endpoint: str, due_ns: int) -> None:
        assert endpoint == "a"
        self.asked.append(due_ns)
        self.sent_ns = self.now_ns + self.delay_ns

    def set_idle(self) -> None:
        self.rests += 1


def _samples(load: Load) -> Any:
    return load("worker.samples").Samples([])


def test_open_loop_on_a_free_connection_is_late_by_its_own_fault(load: Load) -> None:
    samples, connection = _samples(load), _Connection()
    loop = load("worker.loops").OpenLoop(samples, 0, 10 * S, iter([1.0, 20.0]))
    loop.begin([connection], 0)
    assert loop.next_due_ns == S
    loop.fall_due(S - 1)
    assert connection.asked == []
    connection.now_ns, connection.delay_ns = S + 300, 40
    loop.fall_due(S + 300)
    assert connection.asked == [S]
    assert (list(samples.lateness_ns), list(samples.own_lateness_ns)) == ([340], [340])
    assert (loop.sent, loop.unsent) == (1, 0)


def test_wait_for_a_connection_is_not_the_generators_lateness(load: Load) -> None:
    samples, connection = _samples(load), _Connection()
    loop = load("worker.loops").OpenLoop(samples, 0, 10 * S, iter([1.0, 2.0, 3.0, 20.0]))
    loop.begin([connection], 0)
    connection.now_ns = S
    loop.fall_due(S)
    loop.fall_due(3 * S)
    assert (connection.asked, loop.unsent) == ([S], 2)
    # The response comes at 5 s. The request that was due at 2 s is sent 50 ns after.
    connection.now_ns, connection.delay_ns = 5 * S, 50
    loop.next(connection, 5 * S)
    assert (connection.asked, loop.unsent) == ([S, 2 * S], 1)
    assert list(samples.lateness_ns) == [0, 3 * S + 50]
    assert list(samples.own_lateness_ns) == [0, 50]
    # At the end of the time nothing more is sent; the connection is free, one request stays unsent.
    loop.next(connection, 10 * S)
    assert (loop.sent, loop.unsent, connection.rests) == (2, 1, 1)


def test_open_loop_sends_nothing_that_is_due_at_its_end(load: Load) -> None:
    loop = load("worker.loops").OpenLoop(_samples(load), S, 3 * S, iter([1.999, 2.0]))
    connection = _Connection()
    loop.begin([connection], 0)
    loop.fall_due(4 * S)
    assert connection.asked == [S + 1_999_000_000] and loop.next_due_ns == float("inf")
    assert (loop.is_over(3 * S - 1), loop.is_over(3 * S)) == (False, True)


def test_connections_are_used_in_turn(load: Load) -> None:
    connections = [_Connection(), _Connection()]
    due = (number / 10 for number in itertools.count(1))
    loop = load("worker.loops").OpenLoop(_samples(load), 0, S, due)
    loop.begin(connections, 0)
    for number in range(1, 5):
        loop.fall_due(number * S // 10)
        loop.next(connections[(number - 1) % 2], number * S // 10)
    assert [len(connection.asked) for connection in connections] == [2, 2]


def test_closed_loop_ends_with_its_total(load: Load) -> None:
    samples, connections = _samples(load), [_Connection(), _Connection()]
    loop = load("worker.loops").ClosedLoop(samples, 10 * S, 3)
    loop.begin(connections, 0)
    loop.next(connections[0], 5)
    assert (loop.sent, loop.is_over(6)) == (3, True)
    loop.next(connections[1], 7)
    loop.next(connections[0], 9)
    assert samples.idle_since_ns == [7, 9] and [c.rests for c in connections] == [1, 1]
    assert list(samples.lateness_ns) == [] and loop.next_due_ns == float("inf")


def test_closed_loop_ends_with_its_time(load: Load) -> None:
    samples, connection = _samples(load), _Connection()
    loop = load("worker.loops").ClosedLoop(samples, S, None)
    loop.begin([connection], 0)
    assert not loop.is_over(S - 1)
    loop.next(connection, S - 1)
    assert (loop.sent, loop.is_over(S)) == (2, True)
    loop.next(connection, S)
    assert (loop.sent, samples.idle_since_ns) == (2, [S])
