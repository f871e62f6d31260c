"""Boot time from outside: from the start command to the first right answer.

"Right" means that GET /identity carries the nonce that this trial put into the instance: an
answer of an older instance on the same address does not count. An instance that takes no nonce is
known by an answer of its workload, byte for byte; then nobody may have answered at its address
before. An answer is read within ``ANSWER_TIMEOUT_S`` and ``LARGEST_ANSWER_BYTES``, whatever the
instance sends. Connects are short, because a SYN that is lost while the guest boots would cost TCP's
first retransmission, one second. Polls grow rarer with the time waited: the poller may share its only
CPU with what it waits for, and a boot time is known to a few percent either way.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CONNECT_TIMEOUT_S = 0.2
ANSWER_TIMEOUT_S = 5.0
LARGEST_ANSWER_BYTES = 1 << 20
SHORTEST_PAUSE_S = 0.005
PAUSE_PER_WAITED = 0.02
ALIVE_EVERY_S = 1.0

# The option ``answer`` of a module; its documentation is the fragment ``right_answer``.
OPTION: dict[str, Any] = {
    "type": "dict",
    "options": {
        "path": {"type": "str", "required": True},
        "status": {"type": "int", "required": True},
        "body": {"type": "str", "required": True},
    },
}


@dataclass(frozen=True)
class FirstAnswer:
    """The answer, when it came (monotonic seconds), and how many polls it took.

    ``identity`` is what the instance said of itself, empty where it was known by another answer.
    """

    identity: dict[str, Any]
    at_s: float
    polls: int


@dataclass(frozen=True)
class Answer:
    """The right answer to ``GET path``."""

    path: str
    status: int
    body: str


class NoAnswer(Exception):
    """No right answer came; the message says what came instead."""


def wait(
    address: str,
    port: int,
    nonce: str,
    timeout_s: float,
    alive: Callable[[], bool] = lambda: True,
) -> FirstAnswer:
    """Poll GET /identity until it carries ``nonce``.

    Raises NoAnswer after ``timeout_s``, or at once when ``alive()`` says that the instance is gone.
    """

    def ask() -> dict[str, Any]:
        identity = ask_identity(address, port)
        if identity.get("nonce") != nonce:
            raise ValueError(f"another instance answered (nonce {identity.get('nonce')!r})")
        return identity

    return _poll(ask, timeout_s, alive)


def wait_for(
    address: str, port: int, wanted: Answer, timeout_s: float, alive: Callable[[], bool] = lambda: True
) -> FirstAnswer:
    """Poll until ``wanted`` is the answer. Raises NoAnswer as ``wait`` does."""

    def ask() -> dict[str, Any]:
        status, body = _get(address, port, wanted.path)
        if (status, body) != (wanted.status, wanted.body.encode()):
            raise ValueError(f"GET {wanted.path} gave {status} and {body[:80]!r}, not the workload's answer")
        return {}

    return _poll(ask, timeout_s, alive)


def is_silent(address: str, port: int) -> bool:
    """Whether nobody takes a connection at ``address``."""
    try:
        socket.create_connection((address, port), CONNECT_TIMEOUT_S).close()
    except OSError:
        return True
    return False


def ask_identity(address: str, port: int) -> dict[str, Any]:
    """Return what the instance reports of itself. Raises OSError, ValueError or HTTPException."""
    status, body = _get(address, port, "/identity")
    if status != 200:
        raise ValueError(f"GET /identity gave status {status}")
    try:
        identity = json.loads(body)
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None
    if not isinstance(identity, dict):
        raise ValueError("the answer is no JSON object")
    return identity


def _poll(ask: Callable[[], dict[str, Any]], timeout_s: float, alive: Callable[[], bool]) -> FirstAnswer:
    began_s = now_s = seen_alive_s = time.monotonic()
    last, polls = "no connection", 0
    while now_s < began_s + timeout_s:
        polls += 1
        try:
            identity = ask()
            return FirstAnswer(identity, time.monotonic(), polls)
        except (OSError, ValueError, http.client.HTTPException) as error:
            last = str(error) or type(error).__name__
        now_s = time.monotonic()
        if now_s - seen_alive_s > ALIVE_EVERY_S:
            if not alive():
                raise NoAnswer("the instance ended before it answered")
            seen_alive_s = now_s
        time.sleep(max(SHORTEST_PAUSE_S, PAUSE_PER_WAITED * (now_s - began_s)))
    raise NoAnswer(f"no right answer within {timeout_s:g} s; last: {last}")


class _Bounded(io.RawIOBase):
    """What arrives at a socket, up to a time and a number of bytes."""

    def __init__(self, source: socket.socket, seconds: float, most_bytes: int) -> None:
        self._source, self._left_bytes = source, most_bytes
        self._deadline_s = time.monotonic() + seconds

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read once. Raises TimeoutError after the time, ValueError beyond the bytes."""
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer was not complete in time")
        if self._left_bytes <= 0:
            raise ValueError("the answer is too long")
        self._source.settimeout(left_s)
        count = self._source.recv_into(memoryview(buffer)[: self._left_bytes])
        self._left_bytes -= count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """The part of a socket's interface that HTTPResponse reads from."""
        return io.BufferedReader(self)


def _get(address: str, port: int, path: str) -> tuple[int, bytes]:
    """Status and body of ``GET path``. Raises OSError, ValueError or HTTPException."""
    connection = http.client.HTTPConnection(address, port, timeout=CONNECT_TIMEOUT_S)
    try:
        connection.connect()
        bounded = _Bounded(connection.sock, ANSWER_TIMEOUT_S, LARGEST_ANSWER_BYTES)
        connection.request("GET", path)
        response = http.client.HTTPResponse(bounded, method="GET")  # type: ignore[arg-type]
        response.begin()
        if (response.length or 0) > LARGEST_ANSWER_BYTES:
            raise ValueError("the answer is too long")
        # With a number, so that a chunk of any announced size takes no more memory than this.
        return response.status, response.read(LARGEST_ANSWER_BYTES)
    finally:
        connection.close()
