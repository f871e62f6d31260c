"""HTTP responses from the bytes of a connection, one after another, by llhttp (httptools)."""

from __future__ import annotations

import httptools

from unilab_load.wire.exchange import Response
from unilab_load.wire.head import head_end, may_begin_a_response, regular_head

_SURPLUS_BYTES = 65_536
_LONGEST_HEAD_BYTES = 65_536
_EXCERPT_BYTES = 60
_TWO = "more than one response was received"


class MalformedResponse(Exception):
    """What came is not one HTTP response. The message gives the parser's reason and the first bytes."""

    def __init__(self, reason: str, first: bytes) -> None:
        super().__init__(f"{reason}; the response begins with {first[:_EXCERPT_BYTES]!r}")


class ResponseReader:
    """Reads the responses of one connection. After each complete one, ``reset`` prepares it for the next.

    The check before the load and the load itself read by this class, so that both accept the same.

    Attributes:
        keep_alive: whether its sender will take another request on this connection.
    """

    def __init__(self, longest_bytes: int) -> None:
        """``longest_bytes`` is the length of the longest right body; much longer ones are refused."""
        self._longest_bytes = longest_bytes + _SURPLUS_BYTES
        self._parser = httptools.HttpResponseParser(self)
        self.reset()

    def reset(self) -> None:
        """Be ready for the next response."""
        self._first = b""
        self._head = b""
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._begun = self._complete = self._headers_complete = self._framed = self._surplus = False
        self._status = 0
        self._content_type = ""
        self.keep_alive = False

    def response(self) -> Response:
        """The complete response, its body without the transfer coding."""
        return Response(self._status, self._content_type, b"".join(self._body))

    def feed(self, data: bytes) -> bool:
        """Take what came; return whether the response is complete. Raises MalformedResponse."""
        if len(self._first) < _EXCERPT_BYTES:
            self._first += data[:_EXCERPT_BYTES]
        while data and not self._headers_complete:
            data = self._feed_head(data)
        if data:
            self._feed_body(data)
        if self._body_bytes > self._longest_bytes:
            raise self._malformed(f"the body is longer than {self._longest_bytes} bytes")
        return self._complete

    def end(self) -> bool:
        """The connection ended: whether that completes a response without a length (RFC 9112, 6.3)."""
        if self._headers_complete and not self._framed and not self._complete:
            self._complete = True
            self.keep_alive = False
        return self._complete

    def _feed_head(self, data: bytes) -> bytes:
        """Take a part of a head, parse the head once it is complete, and return what follows it."""
        self._head += data
        if self._head[:1] in (b"\r", b"\n"):
            raise self._malformed("a line break precedes the response")
        if not may_begin_a_response(self._head):
            self._parse(self._head)  # raises the parser's reason where it has one
            raise self._malformed("not HTTP")
        end = head_end(self._head)
        if not end:
            if len(self._head) > _LONGEST_HEAD_BYTES:
                raise self._malformed(f"the head is longer than {_LONGEST_HEAD_BYTES} bytes")
            return b""
        head, rest = self._head[:end], self._head[end:]
        self._head = b""
        self._parse(regular_head(head))
        if rest and self._complete:
            raise self._malformed(_TWO)
        return rest

    def _feed_body(self, data: bytes) -> None:
        # llhttp also skips line breaks after a response. The last bytes are fed singly, to see where it ends.
        end = len(data.rstrip(b"\r\n"))
        self._parse(data[:end])
        for at in range(end, len(data)):
            if self._complete:
                raise self._malformed(_TWO)
            self._parse(data[at : at + 1])

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise self._malformed("the response changes the protocol") from None
        except httptools.HttpParserError as error:
            raise self._malformed(_TWO if self._complete else str(error)) from None
        if self._surplus:
            raise self._malformed(_TWO)

    def _malformed(self, reason: str) -> MalformedResponse:
        return MalformedResponse(reason, self._first)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._surplus = self._begun
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        name = name.lower()
        if name == b"content-length":
            self._framed = True
        elif name == b"transfer-encoding":
            self._framed |= value.lower().rstrip().endswith(b"chunked")
        elif name == b"content-type" and not self._content_type:
            self._content_type = value.strip(b" \t").decode("latin-1")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._headers_complete = True
        self._status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body_bytes += len(data)
        if self._body_bytes <= self._longest_bytes:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._status // 100 == 1 and self._status != 101:
            # An interim response may come unasked. The final one follows it (RFC 9110, 15.2).
            self._begun = self._headers_complete = self._framed = False
            self._content_type = ""
            return
        self._complete = True
        self.keep_alive = self._parser.should_keep_alive()
