"""Parts of a right body that differ from response to response: dates, ids, counters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Narrow to wide: what a varying part may consist of.
KINDS = {
    "digits": rb"[0-9]",
    "hex": rb"[0-9a-fA-F]",
    "word": rb"[0-9A-Za-z_-]",
    "time": rb"[0-9A-Za-z:., +-]",  # dates and times as RFC 9110, RFC 3339 and their like write them
    "text": rb'[^"<>\x00-\x1f]',
    "bytes": rb"[\x00-\xff]",
}
MAX_SPANS = 64
MAX_BYTES = 4096


@dataclass(frozen=True)
class Span:
    """A part of a body that may vary.

    Attributes:
        start, end: its bytes in the example body, ``end`` exclusive.
        kind: a key of KINDS.
        least, most: how many bytes it may have.
    """

    start: int
    end: int
    kind: str
    least: int
    most: int


def spans_problem(body: bytes, spans: Sequence[Span]) -> str:
    """Why ``spans`` are none of ``body``; "" where they are.

    Between two spans stands at least one byte that does not vary, so that matching takes linear time.
    """
    if len(spans) > MAX_SPANS:
        return f"more than {MAX_SPANS} varying parts"
    end = -1
    for span in spans:
        where = f"varying part {span.start} to {span.end}"
        if span.kind not in KINDS:
            return f"{where} has kind '{span.kind}', and not one of {', '.join(KINDS)}"
        if not end < span.start < span.end <= len(body):
            return f"{where} is empty, out of order, beside another one, or beyond the body"
        if not 0 <= span.least <= span.end - span.start <= span.most <= MAX_BYTES:
            return f"{where} may have {span.least} to {span.most} bytes, and has {span.end - span.start}"
        end = span.end
    if not pattern(body, spans).fullmatch(body):
        return "the body itself does not match its varying parts"
    return ""


def pattern(body: bytes, spans: Sequence[Span]) -> re.Pattern[bytes]:
    """What a right body matches as a whole; one group for each span."""
    parts, at = [], 0
    for span in spans:
        parts.append(re.escape(body[at : span.start]))
        parts.append(rb"(%b{%d,%d})" % (KINDS[span.kind], span.least, span.most))
        at = span.end
    return re.compile(b"".join([*parts, re.escape(body[at:])]), re.DOTALL)
