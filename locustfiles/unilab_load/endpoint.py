"""One request on its way to one target: the bytes to send, the answer that is right, what was measured."""

from __future__ import annotations

from array import array

from unilab_load.reference import Answer
from unilab_load.request import Request


class Endpoint:
    """A request of the user class, made ready for one run.

    Attributes:
        wire: the bytes to send.
        expected: the only right answer.
        known: the last whole response, head and body, that was parsed and found right; None before the
            first. Bytes that equal it are as right, so they need no parsing: this is what makes it
            affordable to check every response.
        latencies_ns: of the right answers since the recorder last took them.
    """

    __slots__ = ("expected", "keep_alive", "known", "latencies_ns", "method", "name", "wire")

    def __init__(self, request: Request, expected: Answer, host: str, keep_alive: bool) -> None:
        self.method, self.name = request.method, request.__name__
        self.wire = request.wire(host, keep_alive)
        self.keep_alive = keep_alive
        self.expected = expected
        self.known: bytes | None = None
        self.latencies_ns = array("q")

    def difference(self, status: int, body: bytes) -> str | None:
        """The kind of error of an answer that is not the expected one: status, body, or None if right."""
        if status != self.expected.status:
            return "status"
        return None if body == self.expected.body else "body"
