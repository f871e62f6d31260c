"""The file of right responses, and the part of it that the user classes need."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unilab_load.wire.exchange import ExpectedResponse, Response
from unilab_load.wire.varying import Span, spans_problem
from unilab_load.worker.plan import InputError

_KEYS = {"method": str, "path": str, "status": int, "content_type": str}


def load_reference(path: Path, parameters: Mapping[str, str]) -> list[ExpectedResponse]:
    """Read a workload's responses.json: a list of {method, path, status, content_type, body, parameters}.

    Each name in an entry's optional list ``parameters`` stands in braces in its body, and is replaced by its
    value in ``parameters``. ``body_base64`` in place of ``body`` holds bytes that are no text. ``varying``
    lists the parts of a body that may differ (wire.varying.Span). Raises InputError.
    """
    option = f"--responses: {path}"
    remedy = "name the responses.json of the workload's folder under services"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(option, f"cannot read: {error.strerror}", remedy) from None
    except ValueError as error:
        raise InputError(option, f"not JSON: {error}", remedy) from None
    if not isinstance(entries, list) or not entries:
        raise InputError(option, "not a list with at least one response", remedy)
    return [_expected(entry, f"{option}: entry {i}", parameters) for i, entry in enumerate(entries)]


def with_requests(
    reference: list[ExpectedResponse], user_classes: Iterable[Any], path: Path
) -> list[ExpectedResponse]:
    """Return ``reference`` with the bodies and headers that the user classes send.

    Raises InputError where one may send a request whose right response is not known.
    """
    known = {(expected.method, expected.path): expected for expected in reference}
    for kind in user_classes:
        for request in kind.tasks:
            key = request.method, request.path
            if key not in known:
                raise InputError(
                    f"--responses: {path}",
                    f"holds no response to {request.method} {request.path}, which {kind.__name__} sends",
                    "add it, or load another workload",
                )
            known[key] = replace(known[key], body=request.body, headers=request.headers)
    return list(known.values())


def only_sent(reference: list[ExpectedResponse], user_classes: Iterable[Any]) -> list[ExpectedResponse]:
    """The part of ``reference`` that the user classes send."""
    sent = {(request.method, request.path) for kind in user_classes for request in kind.tasks}
    return [expected for expected in reference if (expected.method, expected.path) in sent]


def _expected(entry: Any, where: str, parameters: Mapping[str, str]) -> ExpectedResponse:
    for key, kind in _KEYS.items():
        if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
            raise InputError(
                where, f"key {key} is not there as {kind.__name__}", "compare with docs/formats.md"
            )
    body = _body(entry, where)
    for name in _parameter_names(entry, where):
        if name not in parameters:
            raise InputError("--parameters", f"{name} is missing, which {where} needs", f"give {name}=VALUE")
        body = body.replace(f"{{{name}}}".encode(), parameters[name].encode())
    response = Response(entry["status"], entry["content_type"], body, _spans(entry, where, body))
    return ExpectedResponse(entry["method"], entry["path"], response)


def _parameter_names(entry: Mapping[str, Any], where: str) -> list[str]:
    names = entry.get("parameters", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(where, "key parameters is no list of names", "compare with docs/formats.md")
    if names and "varying" in entry:
        raise InputError(where, "it has both parameters and varying", "give one of both")
    return names


def _body(entry: dict[str, Any], where: str) -> bytes:
    text, coded = entry.get("body"), entry.get("body_base64")
    if isinstance(text, str) and coded is None:
        return text.encode()
    if isinstance(coded, str) and text is None:
        try:
            return base64.b64decode(coded, validate=True)
        except ValueError as error:
            raise InputError(where, f"key body_base64 is not base64: {error}", "record it again") from None
    raise InputError(
        where,
        "key body is not there as str, and body_base64 not in its place",
        "compare with docs/formats.md",
    )


def _spans(entry: dict[str, Any], where: str, body: bytes) -> tuple[Span, ...]:
    try:
        rows = entry.get("varying", [])
        spans = tuple(
            Span(int(row["start"]), int(row["end"]), str(row["kind"]), int(row["least"]), int(row["most"]))
            for row in rows
        )
    except (TypeError, KeyError, ValueError) as error:
        problem = f"key varying: {error or type(error).__name__}"
        raise InputError(where, problem, "record it again, or compare with docs/formats.md") from None
    problem = spans_problem(body, spans)
    if problem:
        raise InputError(where, f"key varying: {problem}", "record it again, or compare with docs/formats.md")
    return spans
