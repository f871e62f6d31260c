"""A request together with its only right response, as the reference file and the messages hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from unilab_load.wire.varying import Span, pattern

_EXCERPT_BYTES = 40


@dataclass(frozen=True)
class Response:
    """A response without its framing: what is compared.

    Attributes:
        spans: parts of a right body that may differ from it.
    """

    status: int
    content_type: str
    body: bytes
    spans: tuple[Span, ...] = ()

    def has_body(self, body: bytes) -> bool:
        """Whether ``body`` is the right one: equal to the byte, but for the parts that may vary."""
        return body == self.body or bool(self.spans and self._pattern.fullmatch(body))

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return pattern(self.body, self.spans)

    def difference(self, seen: Response) -> str:
        """In words, how ``seen`` differs from this right response; "" where it does not."""
        if seen.status != self.status:
            return f"status {seen.status} and not {self.status}"
        if seen.content_type != self.content_type:
            return f"content type '{seen.content_type}' and not '{self.content_type}'"
        if self.has_body(seen.body):
            return ""
        if self.spans:
            return f"body {excerpt(seen.body)} does not match the right one with its varying parts"
        pairs = zip(seen.body, self.body, strict=False)
        shorter = min(len(seen.body), len(self.body))
        at = next((i for i, (one, other) in enumerate(pairs) if one != other), shorter)
        return f"body differs at byte {at}: {excerpt(seen.body, at)} and not {excerpt(self.body, at)}"


def excerpt(body: bytes, at: int = 0) -> str:
    """Some bytes of ``body`` from ``at`` on, as text in quotation marks; or that it ends there."""
    part = body[at : at + _EXCERPT_BYTES]
    return f"'{part.decode(errors='replace')}'" if part else "the end"


@dataclass(frozen=True)
class ExpectedResponse:
    """A request and its only right response. ``body`` and ``headers`` are what a user class sends with it."""

    method: str
    path: str
    response: Response
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
