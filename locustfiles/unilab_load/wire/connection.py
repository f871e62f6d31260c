"""One connection of one user: connects, sends a request, reads and checks the response."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, Protocol

from gevent.monkey import get_original

from unilab_load.wire.endpoint import Endpoint
from unilab_load.wire.failures import failure_kind
from unilab_load.wire.response import MalformedResponse, ResponseReader
from unilab_load.wire.tcp_info import retransmits

# Locust lets gevent replace the class by one of its own, which serves greenlets.
_Socket = get_original("socket", "socket")

_RECEIVE_BYTES = 16_384
_IDLE, _CONNECTING, _FIRST, _WAITING = range(4)
"""A response awaited in _FIRST is the first on its socket, one in _WAITING a later one."""


class Owner(Protocol):
    """What a connection needs of the event loop that owns it.

    Attributes:
        family: of the address, as ``socket`` has it.
        address: where to connect to, in the form that ``connect`` takes.
    """

    family: socket.AddressFamily
    address: tuple[Any, ...]

    def watch(self, watched: socket.socket, connection: Connection, writable: bool) -> None:
        """Call ``connection`` when the socket can be read from, or also when it can be written to."""

    def forget(self, watched: socket.socket) -> None:
        """Watch the socket no longer."""

    def answered(self, connection: Connection, now_ns: int) -> None:
        """``connection`` has received the right response."""

    def failed(self, connection: Connection, kind: str, describe: Callable[[], str]) -> None:
        """The request of ``connection`` ended in an error of ``kind``; ``describe`` says what was wrong."""

    def closed(self, early: int, late: int) -> None:
        """A socket was closed on which segments were sent again: before its first response, and after."""


class Connection:
    """A client with one request at a time. Times are nanoseconds of ``perf_counter_ns``.

    Attributes:
        endpoints: what its user may request, each as often as its weight.
        endpoint: what it requests now, or requested last.
        due_ns: when that request was due: latency counts from here, set-up of the connection included.
        sent_ns: when it was handed to the system.
        lost: the kind of failure that ended the connection, "" once a response has come since.
    """

    __slots__ = (
        "_early",
        "_longest_bytes",
        "_owner",
        "_partial",
        "_reader",
        "_socket",
        "_state",
        "_unsent",
        "due_ns",
        "endpoint",
        "endpoints",
        "failures",
        "lost",
        "sent_ns",
    )

    def __init__(self, owner: Owner, endpoints: Sequence[Endpoint]) -> None:
        self._owner = owner
        self._longest_bytes = max(len(endpoint.expected.body) for endpoint in endpoints)
        self._socket: socket.socket | None = None
        self._state = _IDLE
        self._unsent = b""
        self._early: int | None = None
        self.endpoints = endpoints
        self.endpoint = endpoints[0]
        self.due_ns = self.sent_ns = 0
        self.lost = ""
        self.failures = 0

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._state != _IDLE

    def send_request(self, endpoint: Endpoint, due_ns: int) -> None:
        """Send the request of ``endpoint``, which was due at ``due_ns``; connect first where need be."""
        self.endpoint = endpoint
        self.due_ns = due_ns
        self.sent_ns = perf_counter_ns()
        if self._socket is None:
            self._connect()
        else:
            self._state = _WAITING
            self._send(endpoint.wire)

    def ready(self) -> None:
        """The engine saw that the socket can be read from, or written to where that was waited for."""
        if self._state == _CONNECTING:
            self._connected()
            return
        if self._unsent:
            self._send(self._unsent)
            # A response to half a request is parsed, and the connection not used again.
            self._partial |= bool(self._unsent)
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if self.busy:
                self.fail(failure_kind(error))
            else:
                self.close()
            return
        now_ns = perf_counter_ns()
        endpoint = self.endpoint
        if data == endpoint.known and not self._partial and self._state == _WAITING:
            self._right(now_ns)
        elif data:
            self._parse(data, now_ns)
        else:
            self._ended(now_ns)

    def fail(self, kind: str, describe: Callable[[], str] = str) -> None:
        """The request failed by ``kind`` without a complete response, and the connection with it."""
        self.close()
        self.lost = kind
        self.failures += 1
        self._owner.failed(self, kind, describe)

    def set_idle(self) -> None:
        """The request under way is settled, and no other follows at once."""
        self._state = _IDLE

    def close(self) -> None:
        """Close the socket. The request stays under way until its owner settles it."""
        self._unsent = b""
        if self._socket is not None:
            early, late = self.retransmits()
            if early or late:
                self._owner.closed(early, late)
            self._owner.forget(self._socket)
            self._socket.close()
            self._socket = None

    def retransmits(self) -> tuple[int, int]:
        """Segments of the open socket that were sent again before its first response, and after it.

        What is lost before the first response may be lost by the target alone: where its listen queue is
        full, its kernel drops SYNs, last ACKs of the handshake and the requests that follow them. After a
        response the target has accepted the connection, and the path or the client lost the segment.
        """
        if self._socket is None:
            return 0, 0
        total = retransmits(self._socket)
        early = total if self._early is None else self._early
        return early, max(0, total - early)

    def _connect(self) -> None:
        self._state = _CONNECTING
        self._reader = ResponseReader(self._longest_bytes)
        self._partial = False
        self._early = None
        try:
            self._socket = _Socket(self._owner.family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._owner.watch(self._socket, self, writable=True)
            self._socket.connect(self._owner.address)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(failure_kind(error))
            return
        self._connected()

    def _connected(self) -> None:
        assert self._socket is not None
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self.fail(failure_kind(OSError(number, "")))
            return
        self._owner.watch(self._socket, self, writable=False)
        self._state = _FIRST
        self._send(self.endpoint.wire)

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.fail(failure_kind(error))
            return
        if sent < len(data) or self._unsent:
            self._unsent = data[sent:]
            self._owner.watch(self._socket, self, writable=bool(self._unsent))

    def _parse(self, data: bytes, now_ns: int) -> None:
        if self._state < _FIRST:
            self.close()  # a response without a request: the next request takes a new connection
            return
        try:
            if not self._reader.feed(data):
                self._partial = True
                return
        except MalformedResponse as error:
            why = str(error)
            self.fail("protocol", lambda: why)
            return
        self._whole(now_ns, None if self._partial else data)

    def _ended(self, now_ns: int) -> None:
        if self._state < _FIRST:
            self.close()  # between two requests a server may
        elif self._partial and self._reader.end():
            self._whole(now_ns, None)
        else:
            self.fail("closed")

    def _whole(self, now_ns: int, data: bytes | None) -> None:
        """Check a complete response. ``data`` is its bytes where they came in one piece."""
        reader, endpoint = self._reader, self.endpoint
        response = reader.response()
        difference = endpoint.difference(response)
        keep = reader.keep_alive and endpoint.keep_alive and not self._unsent
        self._partial = False
        reader.reset()
        if not keep:
            self.close()
        elif self._state == _FIRST and self._socket is not None:
            self._early = retransmits(self._socket)
        if difference is None:
            if keep and data is not None:
                endpoint.known = data
            self._right(now_ns)
        else:
            self.lost = ""
            self.failures = 0
            self._owner.failed(self, difference, lambda: endpoint.expected.difference(response))

    def _right(self, now_ns: int) -> None:
        if self.failures:
            self.lost = ""
            self.failures = 0
        self._owner.answered(self, now_ns)
