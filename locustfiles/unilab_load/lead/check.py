"""The check of a target before it is loaded, and of its identity after: by the load's own parser."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from unilab_load.lead.liveness import Ending
from unilab_load.lead.options import LoadOptions
from unilab_load.request import Request
from unilab_load.wire.exchange import ExpectedResponse, Response, excerpt
from unilab_load.wire.failures import failure_kind
from unilab_load.wire.response import MalformedResponse, ResponseReader
from unilab_load.wire.target import Target

_RECEIVE_BYTES = 65_536
_IDENTITY = ExpectedResponse("GET", "/identity", Response(200, "", b""))
_STATES = {"timeout": "hung", "other": "invalid", "protocol": "invalid"}
"""How a run ends whose check failed by this kind of error; by any other kind, the target has crashed."""


@dataclass(frozen=True)
class Identity:
    """What the target states about itself, under the keys of load.json."""

    nonce_seen: str
    artifact_seen: str
    threads_seen: int


class TargetError(Exception):
    """The target is not the one to be loaded, or is not there; ``ending`` is how the run ends."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__(why)
        self.ending = Ending(state, why)


def reachable(found: Sequence[Target], timeout_s: float) -> Target:
    """Return the address to load: of several, the first that accepts a connection. Raises TargetError.

    A name may stand for addresses of which only some serve: ``localhost`` for ::1 and 127.0.0.1. All
    requests of a run go to one of them.
    """
    if len(found) == 1:
        return found[0]
    failures = []
    for target in found:
        try:
            _connect(target, time.monotonic() + timeout_s).close()
        except OSError as error:
            failures.append((failure_kind(error), f"{target}: {_reason(error)}"))
        else:
            return target
    kinds = {kind for kind, _ in failures}
    state = _STATES.get(kinds.pop(), "crashed") if len(kinds) == 1 else "crashed"
    reasons = ", ".join(reason for _, reason in failures)
    raise TargetError(state, f"no address of the target accepts a connection: {reasons}")


def check_responses(target: Target, timeout_s: float, reference: Sequence[ExpectedResponse]) -> None:
    """Request every entry once and compare status, content type and body to the byte. Raises TargetError."""
    for expected in reference:
        seen = fetch(target, timeout_s, expected)
        difference = expected.response.difference(seen)
        if difference:
            raise TargetError("invalid", f"{expected.method} {expected.path}: {difference}")


def check_identity(target: Target, options: LoadOptions) -> Identity | None:
    """Return the target's identity where it is the expected one; None where none is needed and none stated.

    Raises TargetError.
    """
    if options.identity == "answers":
        return None
    response = fetch(target, options.plan.timeout_s, _IDENTITY)
    try:
        stated = json.loads(response.body)
        identity = Identity(str(stated["nonce"]), str(stated["artifact"]), int(stated["threads"]))
    except (ValueError, KeyError, TypeError):
        if options.identity == "optional":
            return None
        why = f"GET /identity: no identity in {excerpt(response.body)}; --identity=answers loads without one"
        raise TargetError("invalid", why) from None
    for name, wanted, seen in (
        ("nonce", options.expected_nonce, identity.nonce_seen),
        ("artifact", options.expected_artifact, identity.artifact_seen),
        ("threads", options.expected_threads, identity.threads_seen),
    ):
        if wanted is not None and wanted != seen:
            raise TargetError("invalid", f"GET /identity: {name} is '{seen}' and not '{wanted}'")
    return identity


def fetch(target: Target, timeout_s: float, asked: ExpectedResponse) -> Response:
    """Send one request as the load does, on a connection of its own, and return the response.

    One that is much longer than the right body is refused. Raises TargetError.
    """
    request = Request(asked.method, asked.path, body=asked.body, headers=asked.headers)
    reader = ResponseReader(len(asked.response.body))
    # A socket's timeout would allow every byte that long; this one is for the whole response.
    deadline_s = time.monotonic() + timeout_s
    try:
        with _connect(target, deadline_s) as connection:
            connection.sendall(request.wire(target.host, keep_alive=True))
            while True:
                connection.settimeout(_left_s(deadline_s))
                data = connection.recv(_RECEIVE_BYTES)
                if not data and not reader.end():
                    raise _failed(asked, "closed", "the connection ended before the response was complete")
                if not data or reader.feed(data):
                    return reader.response()
    except MalformedResponse as error:
        raise _failed(asked, "protocol", str(error)) from None
    except TimeoutError:
        raise _failed(asked, "timeout", f"no answer for {timeout_s:g} s") from None
    except OSError as error:
        raise _failed(asked, failure_kind(error), _reason(error)) from None


def _connect(target: Target, deadline_s: float) -> socket.socket:
    family, address = target.socket_address()
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(_left_s(deadline_s))
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


def _failed(asked: ExpectedResponse, kind: str, why: str) -> TargetError:
    return TargetError(
        _STATES.get(kind, "crashed"), f"{asked.method} {asked.path}, outside the load: {kind} ({why})"
    )


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
