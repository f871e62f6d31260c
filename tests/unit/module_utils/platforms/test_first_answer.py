"""Boot time from outside: only the right nonce counts, or the workload's right answer."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from ansible.module_utils.unilab.platforms import first_answer


class Service(BaseHTTPRequestHandler):
    """Answers with an old nonce at first, as the instance before it would."""

    asked = 0

    def do_GET(self) -> None:
        Service.asked += 1
        nonce = "old" if Service.asked < 3 else "new"
        body = json.dumps({"nonce": nonce, "threads": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Service.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_wait_ignores_answers_with_another_nonce(port: int) -> None:
    answer = first_answer.wait("127.0.0.1", port, "new", timeout_s=5)
    assert answer.identity == {"nonce": "new", "threads": 1} and answer.polls == 3


def test_wait_reports_the_last_wrong_answer(port: int) -> None:
    with pytest.raises(first_answer.NoAnswer, match="another instance"):
        first_answer.wait("127.0.0.1", port, "never", timeout_s=0.2)


def test_wait_stops_when_the_instance_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_answer, "ALIVE_EVERY_S", 0.05)
    with pytest.raises(first_answer.NoAnswer, match="ended before"):
        first_answer.wait("127.0.0.1", 1, "n", timeout_s=30, alive=lambda: False)


def test_wait_for_accepts_the_exact_answer(port: int) -> None:
    right = first_answer.Answer("/todos", 200, '{"nonce": "new", "threads": 1}')
    answer = first_answer.wait_for("127.0.0.1", port, right, timeout_s=5)
    assert answer.identity == {} and answer.polls == 3


@pytest.mark.parametrize(("status", "body"), [(200, "another"), (404, '{"nonce": "old", "threads": 1}')])
def test_wait_for_rejects_another_status_or_body(port: int, status: int, body: str) -> None:
    with pytest.raises(first_answer.NoAnswer, match="not the workload's answer"):
        first_answer.wait_for("127.0.0.1", port, first_answer.Answer("/", status, body), timeout_s=0.2)


def test_is_silent_while_nobody_listens(port: int) -> None:
    assert not first_answer.is_silent("127.0.0.1", port)
    assert first_answer.is_silent("127.0.0.1", 1)


@contextlib.contextmanager
def sending(*parts: bytes, endless: bytes = b"", pause_s: float = 0) -> Iterator[int]:
    """A port at which every connection gets ``parts``, and ``endless`` again and again."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(4096)
            for part in parts:
                connection.sendall(part)
            while endless and not stop.is_set():
                connection.sendall(endless)
                stop.wait(pause_s)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def accept() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def http_answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_identity_is_read_from_a_connection_that_stays_open() -> None:
    with sending(http_answer(b'{"nonce": "n"}'), endless=b"x", pause_s=60) as port:
        assert first_answer.ask_identity("127.0.0.1", port) == {"nonce": "n"}


def test_identity_after_100_continue_is_read() -> None:
    with sending(b"HTTP/1.1 100 Continue\r\n\r\n", http_answer(b"{}")) as port:
        assert first_answer.ask_identity("127.0.0.1", port) == {}


@pytest.mark.parametrize("status", ["500 Internal Server Error", "404 Not Found", "201 Created"])
def test_right_nonce_with_another_status_is_wrong(status: str) -> None:
    with (
        sending(http_answer(b'{"nonce": "n"}', status)) as port,
        pytest.raises(first_answer.NoAnswer, match=f"status {status[:3]}"),
    ):
        first_answer.wait("127.0.0.1", port, "n", timeout_s=0.2)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"[" * 200_000, "nested"), (b"[1]", "no JSON object"), (b"hello", "Expecting value")],
)
def test_body_that_is_no_identity_is_wrong(body: bytes, message: str) -> None:
    with (
        sending(http_answer(body)) as port,
        pytest.raises(first_answer.NoAnswer, match=message),
    ):
        first_answer.wait("127.0.0.1", port, "n", timeout_s=0.2)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("parts", "endless", "message"),
    [
        ([HEAD + b"\r\n"], b"x" * 65536, "too long"),
        ([HEAD + b"Content-Length: 99999999999\r\n\r\n"], b"x" * 65536, "too long"),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], b"5\r\nhello\r\n", "too long|Expecting value"),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n"], b"x", "too long|Expecting value"),
        ([], b"HTTP/1.1 100 Continue\r\n\r\n", "too long"),
        ([HEAD], b"A: b\r\n", "100 headers"),
    ],
)
def test_answer_without_end_is_cut_off(
    parts: list[bytes], endless: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_answer, "ANSWER_TIMEOUT_S", 60.0)
    with (
        sending(*parts, endless=endless) as port,
        pytest.raises(first_answer.NoAnswer, match=message),
    ):
        first_answer.wait("127.0.0.1", port, "n", timeout_s=0.01)


@pytest.mark.parametrize("parts", [[], [HEAD], [HEAD + b"\r\n"]])
def test_answer_that_comes_byte_by_byte_is_given_up(
    parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_answer, "ANSWER_TIMEOUT_S", 0.3)
    began_s = time.monotonic()
    with (
        sending(*parts, endless=b"x", pause_s=0.05) as port,
        pytest.raises(first_answer.NoAnswer, match=r"not complete in time|timed out"),
    ):
        first_answer.wait("127.0.0.1", port, "n", timeout_s=0.01)
    assert time.monotonic() - began_s < 30
