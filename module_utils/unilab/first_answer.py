"""Boot time from outside: from the start command to the first right answer.

"Right" means that GET /identity carries the nonce that this trial put into the instance: an
answer of an older instance on the same address does not count. Connects are short, because a
SYN that is lost while the guest boots would cost TCP's first retransmission, one second. Polls
grow rarer with the time waited: the poller may share its only CPU with what it waits for, and a
boot time is known to a few percent either way.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CONNECT_TIMEOUT_S = 0.2
ANSWER_TIMEOUT_S = 5.0
SHORTEST_PAUSE_S = 0.005
PAUSE_PER_WAITED = 0.02
ALIVE_EVERY_S = 1.0


@dataclass(frozen=True)
class FirstAnswer:
    """The answer, when it came (monotonic seconds), and how many polls it took."""

    identity: dict[str, Any]
    at_s: float
    polls: int


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
    began_s = now_s = seen_alive_s = time.monotonic()
    last, polls = "no connection", 0
    while now_s < began_s + timeout_s:
        polls += 1
        try:
            identity = ask_identity(address, port)
            if identity.get("nonce") == nonce:
                return FirstAnswer(identity, time.monotonic(), polls)
            last = f"another instance answered (nonce {identity.get('nonce')!r})"
        except (OSError, ValueError, http.client.HTTPException) as error:
            last = str(error) or type(error).__name__
        now_s = time.monotonic()
        if now_s - seen_alive_s > ALIVE_EVERY_S:
            if not alive():
                raise NoAnswer("the instance ended before it answered")
            seen_alive_s = now_s
        time.sleep(max(SHORTEST_PAUSE_S, PAUSE_PER_WAITED * (now_s - began_s)))
    raise NoAnswer(f"no right answer within {timeout_s:g} s; last: {last}")


def ask_identity(address: str, port: int) -> dict[str, Any]:
    """Return what the instance says of itself. Raises OSError, ValueError or HTTPException."""
    connection = http.client.HTTPConnection(address, port, timeout=CONNECT_TIMEOUT_S)
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_TIMEOUT_S)
        connection.request("GET", "/identity")
        identity = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not isinstance(identity, dict):
        raise ValueError("the answer is no JSON object")
    return identity
