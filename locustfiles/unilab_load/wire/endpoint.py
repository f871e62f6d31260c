"""One request on its way to one target: the bytes to send, the answer that is right, what was measured."""

from __future__ import annotations

from collections.abc import Callable

from unilab_load.request import Request
from unilab_load.wire.exchange import Response


class Endpoint:
    """A request of the user class, made ready for one run.

    Attributes:
        wire: the bytes to send.
        expected: the only right answer.
        known: the last whole response, head and body, that was parsed and found right; None before the
            first. Bytes that equal it are as right, so they need no parsing: this is what makes it
            affordable to check every response.
        record_ns: takes the latency of a right response; the recorder sets it.
    """

    __slots__ = ("expected", "keep_alive", "known", "method", "name", "record_ns", "wire")

    def __init__(self, request: Request, expected: Response, host: str, keep_alive: bool) -> None:
        self.method, self.name = request.method, request.__name__
        self.wire = request.wire(host, keep_alive)
        self.keep_alive = keep_alive
        self.expected = expected
        self.known: bytes | None = None
        self.record_ns: Callable[[int], None]

    def difference(self, seen: Response) -> str | None:
        """The kind of error of a response that is not the expected one: status, body, or None if right."""
        if seen.status != self.expected.status:
            return "status"
        return None if self.expected.has_body(seen.body) else "body"
