"""The answers that are right, and the check of a target against them before it is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from gevent import Timeout

from unilab_load.lead.liveness import Ending
from unilab_load.lead.options import LoadOptions, OptionError
from unilab_load.wire.exchange import ExpectedResponse, Response
from unilab_load.wire.failures import failure_kind

_KEYS = {"method": str, "path": str, "status": int, "content_type": str, "body": str}
_EXCERPT_BYTES = 40


@dataclass(frozen=True)
class Identity:
    """What the target says of itself, in load.json's words."""

    nonce_seen: str
    artifact_seen: str
    threads_seen: int


_IDENTITY = ExpectedResponse("GET", "/identity", Response(200, "", b""))


class TargetError(Exception):
    """The target is not the one to be loaded, or is not there; ``ending`` is what the run ends with."""

    def __init__(self, state: str, why: str) -> None:
        super().__init__(why)
        self.ending = Ending(state, why)


def load_reference(path: Path, array_length: int | None) -> list[ExpectedResponse]:
    """Read a workload's responses.json: a list of {method, path, status, content_type, body}.

    ``{n}`` in a body stands for ``array_length``. Raises OptionError.
    """
    option = f"--responses: {path}"
    remedy = "name the responses.json of the workload's folder under services"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(option, f"cannot read: {error.strerror}", remedy) from None
    except ValueError as error:
        raise OptionError(option, f"not JSON: {error}", remedy) from None
    if not isinstance(entries, list) or not entries:
        raise OptionError(option, "not a list with at least one response", remedy)
    return [_expected(entry, f"{option}: entry {i}", array_length) for i, entry in enumerate(entries)]


def with_requests(
    reference: list[ExpectedResponse], user_classes: Iterable[Any], path: Path
) -> list[ExpectedResponse]:
    """Return ``reference`` with the bodies and headers that the user classes send.

    Raises OptionError where one may send a request whose right answer is not known.
    """
    known = {(expected.method, expected.path): expected for expected in reference}
    for kind in user_classes:
        for request in kind.tasks:
            key = request.method, request.path
            if key not in known:
                raise OptionError(
                    f"--responses: {path}",
                    f"holds no answer to {request.method} {request.path}, which {kind.__name__} sends",
                    "add it, or load another workload",
                )
            known[key] = replace(known[key], body=request.body, headers=request.headers)
    return list(known.values())


def only_sent(reference: list[ExpectedResponse], user_classes: Iterable[Any]) -> list[ExpectedResponse]:
    """The part of ``reference`` that the user classes send."""
    sent = {(request.method, request.path) for kind in user_classes for request in kind.tasks}
    return [expected for expected in reference if (expected.method, expected.path) in sent]


def check_responses(options: LoadOptions, reference: list[ExpectedResponse]) -> None:
    """Request every entry once and compare status, content type and body to the byte. Raises TargetError."""
    for expected in reference:
        seen = _fetch(options, expected)
        difference = _difference(expected.response, seen)
        if difference:
            raise TargetError("invalid", f"{expected.method} {expected.path}: {difference}")


def check_identity(options: LoadOptions) -> Identity:
    """Return the target's identity where it is the expected one. Raises TargetError."""
    answer = _fetch(options, _IDENTITY)
    try:
        told = json.loads(answer.body)
        identity = Identity(str(told["nonce"]), str(told["artifact"]), int(told["threads"]))
    except (ValueError, KeyError, TypeError):
        raise TargetError("invalid", f"GET /identity: no identity in {_excerpt(answer.body, 0)}") from None
    for name, wanted, seen in (
        ("nonce", options.expected_nonce, identity.nonce_seen),
        ("artifact", options.expected_artifact, identity.artifact_seen),
        ("threads", options.expected_threads, identity.threads_seen),
    ):
        if wanted is not None and wanted != seen:
            raise TargetError("invalid", f"GET /identity: {name} is '{seen}' and not '{wanted}'")
    return identity


def _expected(entry: Any, where: str, array_length: int | None) -> ExpectedResponse:
    for key, kind in _KEYS.items():
        if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
            raise OptionError(
                where, f"key {key} is not there as {kind.__name__}", "compare with docs/load.md"
            )
    body = entry["body"]
    if "{n}" in body:
        if array_length is None:
            raise OptionError("--array-length", f"missing, and {where} has {{n}} in its body", "give it")
        body = body.replace("{n}", str(array_length))
    answer = Response(entry["status"], entry["content_type"], body.encode())
    return ExpectedResponse(entry["method"], entry["path"], answer)


def _fetch(options: LoadOptions, asked: ExpectedResponse) -> Response:
    connection = HTTPConnection(options.address, options.port)
    try:
        # A socket's timeout would allow every byte that long; this one is for the whole answer.
        with Timeout(options.timeout_s, TimeoutError(f"no answer for {options.timeout_s:g} s")):
            connection.request(asked.method, asked.path, asked.body or None, asked.headers)
            response = connection.getresponse()
            return Response(response.status, response.getheader("Content-Type", ""), response.read())
    except (OSError, HTTPException) as error:
        kind = failure_kind(error)
        state = {"timeout": "hung", "other": "invalid", "protocol": "invalid"}.get(kind, "crashed")
        raise TargetError(state, f"{asked.method} {asked.path}, outside the load: {kind} ({error})") from None
    finally:
        connection.close()


def _difference(wanted: Response, seen: Response) -> str:
    if seen.status != wanted.status:
        return f"status {seen.status} and not {wanted.status}"
    if seen.content_type != wanted.content_type:
        return f"content type '{seen.content_type}' and not '{wanted.content_type}'"
    if seen.body != wanted.body:
        pairs = zip(seen.body, wanted.body, strict=False)
        at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(seen.body), len(wanted.body)))
        return f"body differs at byte {at}: {_excerpt(seen.body, at)} and not {_excerpt(wanted.body, at)}"
    return ""


def _excerpt(body: bytes, at: int) -> str:
    part = body[at : at + _EXCERPT_BYTES]
    return f"'{part.decode(errors='replace')}'" if part else "the end"
