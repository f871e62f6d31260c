"""From some responses to one request to the right response, with the parts that vary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from unilab_load.wire.exchange import Response
from unilab_load.wire.varying import KINDS, MAX_BYTES, Span, pattern, spans_problem
from unilab_load.worker.plan import InputError

LONGEST_BYTES = 16 * 1024 * 1024
# Longer bodies are compared by their common start and end only: aligning them takes quadratic time.
_ALIGNED_BYTES = 256 * 1024
_TOKEN = re.compile(rb"[0-9A-Za-z]+|[^0-9A-Za-z]", re.DOTALL)


@dataclass(frozen=True)
class Recorded:
    """A request with its right response; ``values`` are what was seen in each span of the response."""

    method: str
    path: str
    response: Response
    values: list[list[bytes]]


def recorded(method: str, path: str, seen: Sequence[Response]) -> Recorded:
    """What is right for all of ``seen``, the responses to one request. Raises InputError.

    The first response is the example. Where others differ from it, a span of the narrowest kind that fits all
    is the guess. A length that was always the same stays; another may be up to twice as long.
    """
    where, first = f"{method} {path}", seen[0]
    for other in seen[1:]:
        if (other.status, other.content_type) != (first.status, first.content_type):
            raise InputError(
                where,
                first.difference(other).replace(" and not ", " after "),
                "record a service that is stable",
            )
    places = _places(first.body, [other.body for other in seen[1:] if other.body != first.body])
    wide = [Span(start, end, "bytes", 0, MAX_BYTES) for start, end in places]
    problem = "" if not wide else spans_problem(first.body, wide)
    matches = [pattern(first.body, wide).fullmatch(response.body) for response in seen]
    if problem or not all(matches):
        raise InputError(
            where, problem or "the responses have too little in common", "record a service that is stable"
        )
    values = [[match[number + 1] for match in matches if match] for number in range(len(wide))]
    spans = tuple(_narrowed(span, found) for span, found in zip(wide, values, strict=True))
    return Recorded(method, path, Response(first.status, first.content_type, first.body, spans), values)


def _narrowed(span: Span, values: list[bytes]) -> Span:
    kind = next(
        name
        for name, one in KINDS.items()
        if all(re.fullmatch(one + b"*", value, re.DOTALL) for value in values)
    )
    lengths = [len(value) for value in values]
    if min(lengths) == max(lengths):
        return Span(span.start, span.end, kind, lengths[0], lengths[0])
    return Span(span.start, span.end, kind, min(1, *lengths), min(2 * max(lengths), MAX_BYTES))


def _places(body: bytes, others: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where ``others`` differ from ``body``: disjoint parts of it, none empty, in order."""
    found = sorted(place for other in others for place in _differences(body, other))
    places: list[tuple[int, int]] = []
    for start, end in found:
        # Parts with no byte between them are one.
        if places and start <= places[-1][1]:
            places[-1] = (places[-1][0], max(places[-1][1], end))
        else:
            places.append((start, end))
    return places


def _differences(body: bytes, other: bytes) -> list[tuple[int, int]]:
    """By words and single other bytes, so that a number that differs in one digit differs as a whole."""
    ones, others = _TOKEN.findall(body), _TOKEN.findall(other)
    at = [0]
    for token in ones:
        at.append(at[-1] + len(token))
    if max(len(body), len(other)) > _ALIGNED_BYTES:
        return _middle(ones, others, at)
    places = []
    for tag, start, end, _, _ in SequenceMatcher(None, ones, others, autojunk=False).get_opcodes():
        if tag == "insert" and ones:  # what has no place in the example takes the word before it
            places.append((at[max(0, start - 1)], at[max(1, start)]))
        elif tag != "equal":
            places.append((at[start], at[end]))
    return places


def _middle(ones: list[bytes], others: list[bytes], at: list[int]) -> list[tuple[int, int]]:
    shorter = min(len(ones), len(others))
    start = next((i for i in range(shorter) if ones[i] != others[i]), shorter)
    back = next((i for i in range(shorter - start) if ones[-1 - i] != others[-1 - i]), shorter - start)
    end = len(ones) - back
    return [(at[min(start, end - 1)] if start >= end else at[start], at[max(end, min(start, len(ones)))])]
