"""The check before the load, against targets of one response."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.unilab_load.servers import BODY, HEAD, RIGHT, OneResponse

Load = Callable[[str], Any]
Start = Callable[..., OneResponse]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[OneResponse] = []

    def started(response: bytes = RIGHT, ends: bool = False) -> OneResponse:
        servers.append(OneResponse(response, ends))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def _target(load: Load, port: int, address: str = "127.0.0.1") -> Any:
    return load("wire.target").Target(f"name:{port}", address, port)


def _check(load: Load, port: int, timeout_s: float = 5) -> None:
    exchange = load("wire.exchange")
    right = exchange.Response(200, "application/json", BODY.encode())
    expected = exchange.ExpectedResponse("POST", "/a", right, b"{}", {"X-Y": "z"})
    load("lead.check").check_responses(_target(load, port), timeout_s, [expected])


def _why(load: Load, port: int, timeout_s: float = 5) -> Any:
    """How a run ends whose check fails."""
    with pytest.raises(load("lead.check").TargetError) as failed:
        _check(load, port, timeout_s)
    return failed.value.ending


BY_THE_END = f"{HEAD}Transfer-Encoding: identity\r\n\r\n{BODY}".encode()


@pytest.mark.parametrize(
    ("response", "ends"),
    [(RIGHT, False), (RIGHT, True), (RIGHT.replace(b"\r\n", b"\n"), False), (BY_THE_END, True)],
)
def test_check_reads_what_the_load_reads(response: bytes, ends: bool, load: Load, start: Start) -> None:
    server = start(response, ends)
    _check(load, server.port)
    (head,) = server.heads
    assert head == f"POST /a HTTP/1.1\r\nHost: name:{server.port}\r\nX-Y: z\r\nContent-Length: 2".encode()


@pytest.mark.parametrize(
    ("response", "state", "why"),
    [
        (RIGHT.replace(b"200", b"404"), "invalid", "POST /a: status 404 and not 200"),
        (
            RIGHT.replace(b"application/json", b"text/html"),
            "invalid",
            "POST /a: content type 'text/html' and not 'application/json'",
        ),
        (
            RIGHT.replace(b":1}", b":2}"),
            "invalid",
            "POST /a: body differs at byte 9: '2}' and not '1}'",
        ),
        (BY_THE_END[:-1], "invalid", "POST /a: body differs at byte 10: the end and not '}'"),
        (
            RIGHT.replace(b"Type:", b"Type :"),
            "invalid",
            "POST /a, outside the load: protocol (Invalid header token; the response begins with b'HTTP/1.1 ",
        ),
        (RIGHT + b"x", "invalid", "POST /a, outside the load: protocol (more than one response"),
        (RIGHT[:-1], "crashed", "POST /a, outside the load: closed (the connection ended before"),
        (b"", "crashed", "POST /a, outside the load: closed (the connection ended before"),
    ],
)
def test_what_is_wrong_with_a_response_is_named(
    response: bytes, state: str, why: str, load: Load, start: Start
) -> None:
    ending = _why(load, start(response, ends=True).port)
    assert ending.state == state and ending.why.startswith(why)


def test_target_that_does_not_listen_has_crashed(load: Load, start: Start) -> None:
    server = start()
    server.close()
    ending = _why(load, server.port)
    assert (ending.state, ending.why) == (
        "crashed",
        "POST /a, outside the load: refused (Connection refused)",
    )


def test_time_limit_is_for_the_whole_response(load: Load) -> None:
    """A byte now and then does not extend it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                for byte in RIGHT:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        began_s = time.monotonic()
        ending = _why(load, listener.getsockname()[1], timeout_s=0.5)
        assert 0.5 <= time.monotonic() - began_s < 5
    assert (ending.state, ending.why) == (
        "hung",
        "POST /a, outside the load: timeout (no answer for 0.5 s)",
    )


def _options(targets: list[Any], **own: Any) -> Any:
    expected = {"expected_nonce": None, "expected_artifact": None, "expected_threads": None}
    return SimpleNamespace(targets=targets, plan=SimpleNamespace(timeout_s=5), **expected | own)


def test_first_address_that_accepts_is_loaded(load: Load, start: Start) -> None:
    server = start()
    silent, serving = _target(load, server.port, "127.0.0.2"), _target(load, server.port)
    assert load("lead.check").reachable([silent, serving], 5) == serving
    assert load("lead.check").reachable([silent], 5) == silent  # of one address nothing is asked
    with pytest.raises(load("lead.check").TargetError) as failed:
        load("lead.check").reachable([silent, _target(load, server.port, "127.0.0.3")], 5)
    ending = failed.value.ending
    assert ending.state == "crashed"
    assert ending.why == (
        f"no address of the target accepts a connection: 127.0.0.2:{server.port}: Connection refused,"
        f" 127.0.0.3:{server.port}: Connection refused"
    )


STATED = '{"nonce": "n", "artifact": "a", "threads": 2}'
IDENTITY = f"{HEAD}Content-Length: {len(STATED)}\r\n\r\n{STATED}"


@pytest.mark.parametrize(
    ("identity", "expected", "stated", "why"),
    [
        ("nonce", {}, True, ""),
        ("nonce", {"expected_nonce": "n", "expected_artifact": "a", "expected_threads": 2}, True, ""),
        ("nonce", {"expected_nonce": "m"}, True, "GET /identity: nonce is 'n' and not 'm'"),
        ("nonce", {"expected_artifact": "b"}, True, "GET /identity: artifact is 'a' and not 'b'"),
        ("nonce", {"expected_threads": 1}, True, "GET /identity: threads is '2' and not '1'"),
        ("nonce", {}, False, "GET /identity: no identity in '{\"right\":1}'; --identity=answers loads"),
        ("optional", {}, True, ""),
        ("optional", {}, False, ""),
        ("answers", {}, True, ""),
    ],
)
def test_identity_is_checked_as_far_as_it_is_expected(  # noqa: PLR0917 # four of them are one case
    identity: str, expected: dict[str, Any], stated: bool, why: str, load: Load, start: Start
) -> None:
    check = load("lead.check")
    server = start(IDENTITY.encode() if stated else RIGHT)
    options = _options([], identity=identity, **expected)
    if why:
        with pytest.raises(check.TargetError) as failed:
            check.check_identity(_target(load, server.port), options)
        assert failed.value.ending.state == "invalid" and failed.value.ending.why.startswith(why)
        return
    seen = check.check_identity(_target(load, server.port), options)
    assert seen == (check.Identity("n", "a", 2) if stated and identity != "answers" else None)
    assert len(server.heads) == (0 if identity == "answers" else 1)
