"""The load's event loop against a scripted target, in this process."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Load = Callable[[str], Any]
# What the target does on its n-th connection, until it returns; then the connection ends.
Script = Callable[[int, socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Script], int]]:
    """Start a target on 127.0.0.1 that keeps to a script; return its port."""
    listeners: list[socket.socket] = []

    def start(script: Script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def connection(number: int, client: socket.socket) -> None:
            client.settimeout(10)
            with client, suppress(OSError):
                script(number, client)

        def accept() -> None:
            with suppress(OSError):
                for number in itertools.count():
                    client, _ = listener.accept()
                    threading.Thread(target=connection, args=(number, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _head(client: socket.socket) -> bytes:
    """A request's head, or b"" at the connection's end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return b""
        head += byte
    return head


class _Ran:
    """A closed loop of ``total`` requests, run to its end: what each interval holds, and errors of all."""

    def __init__(self, load: Load, port: int, total: int, *, users: int = 1, **request: Any) -> None:
        asked = load("request").Request(request.pop("method", "GET"), "/", **request)
        answer = load("wire.exchange").Response(200, "", b"ok")
        endpoint = load("wire.endpoint").Endpoint(asked, answer, f"127.0.0.1:{port}", keep_alive=True)
        target = load("wire.target").Target(f"127.0.0.1:{port}", "127.0.0.1", port)
        self.engine = engine = load("worker.engine").Engine(target, timeout_s=5)
        for _ in range(users):
            engine.add([endpoint])
        begin_ns = time.perf_counter_ns()
        recorder = load("worker.recorder").Recorder(
            begin_ns,
            warm_up_s=0,
            duration_s=None,
            endpoints=[endpoint],
            connections=engine.connections,
            meter=load("worker.costs").CostMeter("lo", engine.retransmits),
            listeners=[],
        )
        self.loop = load("worker.loops").ClosedLoop(recorder.samples, begin_ns + 20_000_000_000, total)
        engine.run(self.loop, recorder)
        now_ns = time.perf_counter_ns()
        end_ns = load("worker.worker")._end_ns(total, self.loop.sent, recorder.samples, engine.busy, now_ns)
        self.end_ns = end_ns - begin_ns
        recorder.finish(begin_ns + self.end_ns)
        engine.close()
        self.intervals = recorder.take()
        self.answers = sum(interval.answers for interval in self.intervals)
        self.errors: Counter[str] = sum((interval.errors for interval in self.intervals), Counter())


@pytest.mark.parametrize("total", [1, 20])
def test_every_request_is_a_response_or_an_error(total: int, load: Load, serve: Any) -> None:
    def script(number: int, client: socket.socket) -> None:
        for count in itertools.count(1):
            if not _head(client) or count == 5:
                return
            client.sendall(RIGHT)

    ran = _Ran(load, serve(script), total)
    assert ran.answers + ran.errors.total() == ran.loop.sent == total
    # A connection that ends under its fifth request is an error, the next request takes a new one.
    assert ran.errors == Counter({"closed": total // 5} if total >= 5 else {})


def test_late_error_is_recorded(load: Load, serve: Any) -> None:
    def script(number: int, client: socket.socket) -> None:
        if number == 0:
            _head(client)
            time.sleep(1.2)
            return
        while _head(client):
            client.sendall(RIGHT)

    ran = _Ran(load, serve(script), 20, users=2)
    assert (ran.answers, ran.errors) == (19, Counter(closed=1))
    assert ran.end_ns >= 1.2e9 and ran.intervals[-1].end_s * 1e9 == pytest.approx(ran.end_ns)
    assert sum(interval.busy_user_s for interval in ran.intervals) == pytest.approx(1.2, abs=0.3)


def test_connection_is_not_reused_after_a_response_to_half_a_request(load: Load, serve: Any) -> None:
    body = b"x" * 8_000_000
    seen: list[bytes] = []

    def script(number: int, client: socket.socket) -> None:
        seen.append(client.recv(4096))
        client.sendall(RIGHT)
        time.sleep(0.2)
        while more := client.recv(1_000_000):
            seen[number] += more

    ran = _Ran(load, serve(script), 2, method="POST", body=body)
    assert ran.answers == 2 and len(seen) == 2
    assert all(request.startswith(b"POST ") and request.count(b"POST ") == 1 for request in seen)


def test_request_larger_than_the_send_buffer_arrives_whole(load: Load, serve: Any) -> None:
    body = bytes(range(256)) * 20_000
    seen: list[bytes] = []

    def script(number: int, client: socket.socket) -> None:
        while _head(client):
            time.sleep(0.05)
            received = bytearray()
            while len(received) < len(body):
                received += client.recv(65_536)
            seen.append(bytes(received))
            client.sendall(RIGHT)

    ran = _Ran(load, serve(script), 3, method="POST", body=body)
    assert ran.answers == 3 and ran.errors == Counter()
    assert seen == [body] * 3


_INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)


@given(cuts=st.lists(st.integers(1, len(_INTERIM) - 1), max_size=12))
def test_interim_responses_are_skipped(cuts: list[int], load: Load) -> None:
    reader = load("wire.response").ResponseReader(10)
    at = [0, *sorted(set(cuts)), len(_INTERIM)]
    *first, last = [_INTERIM[begin:end] for begin, end in itertools.pairwise(at)]
    assert not any(reader.feed(piece) for piece in first)
    assert reader.feed(last) is True
    assert (reader.response().status, reader.response().body, reader.keep_alive) == (200, b"ok", True)


@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"])
def test_interim_response_alone_is_incomplete(last: bytes, load: Load) -> None:
    reader = load("wire.response").ResponseReader(10)
    assert reader.feed(b"HTTP/1.1 100 Continue\r\n\r\n" + last) is False
    assert reader.end() is False
