"""One HTTP response after another out of the bytes of a connection, by llhttp (httptools)."""

from __future__ import annotations

import httptools

_SURPLUS_BYTES = 65_536


class MalformedResponse(Exception):
    """What came is not HTTP, or more came than one response."""


class ResponseReader:
    """Reads the responses of one connection. After each whole one, ``reset`` readies it for the next.

    Attributes:
        status: of the response that is complete.
        keep_alive: whether its sender will take another request on this connection.
    """

    def __init__(self, longest_bytes: int) -> None:
        self._longest_bytes = longest_bytes + _SURPLUS_BYTES
        self._parser = httptools.HttpResponseParser(self)
        self.reset()

    def reset(self) -> None:
        """Be ready for the next response."""
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._begun = self._complete = self._headers_complete = self._framed = self._surplus = False
        self.status = 0
        self.keep_alive = False

    @property
    def body(self) -> bytes:
        """The body of the response that is complete, without its transfer coding."""
        return b"".join(self._body)

    def feed(self, data: bytes) -> bool:
        """Take what came; return whether the response is complete. Raises MalformedResponse."""
        if not self._begun and data[:1] in (b"\r", b"\n"):
            raise MalformedResponse("a line break stands before the response")
        # llhttp also skips line breaks after a response: the last bytes are fed singly, to see where it ends.
        end = len(data.rstrip(b"\r\n"))
        self._feed(data[:end])
        for at in range(end, len(data)):
            if self._complete:
                raise MalformedResponse("more came than one response")
            self._feed(data[at : at + 1])
        if self._body_bytes > self._longest_bytes:
            raise MalformedResponse(f"the body is longer than {self._longest_bytes} bytes")
        return self._complete

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise MalformedResponse("the answer changes the protocol") from None
        except httptools.HttpParserError as error:
            raise MalformedResponse(str(error)) from None
        if self._surplus:
            raise MalformedResponse("more came than one response")

    def end(self) -> bool:
        """The connection ended: whether that completes a response without a length (RFC 9112, 6.3)."""
        if self._headers_complete and not self._framed and not self._complete:
            self._complete = True
            self.keep_alive = False
        return self._complete

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._surplus = self._begun
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._framed |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._headers_complete = True
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body_bytes += len(data)
        if self._body_bytes <= self._longest_bytes:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self.status // 100 == 1 and self.status != 101:
            # An interim response may come unasked; the one to wait for follows it (RFC 9110, 15.2).
            self._begun = self._headers_complete = self._framed = False
            return
        self._complete = True
        self.keep_alive = self._parser.should_keep_alive()
