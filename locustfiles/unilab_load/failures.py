"""What kind of error a request ended with."""

from __future__ import annotations

import errno
from http.client import RemoteDisconnected

from gevent import Timeout
from geventhttpclient.response import HTTPConnectionClosed

CONNECTION_KINDS = frozenset({"refused", "reset", "closed", "unreachable"})
"""Kinds that say that nobody is there, or that who was there went away."""

_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})


class WrongAnswer(Exception):
    """An answer that came and is not the reference's. ``kind``: status or body."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


# The first that fits counts: RemoteDisconnected, an orderly end, is a ConnectionResetError too.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((TimeoutError, Timeout), "timeout"),
    (ConnectionRefusedError, "refused"),
    ((RemoteDisconnected, HTTPConnectionClosed), "closed"),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "reset"),
)


def failure_kind(error: BaseException) -> str:
    """Return timeout, refused, reset, closed, unreachable, status, body or other.

    ``closed`` is an orderly end of the connection without an answer, ``reset`` an abrupt one.
    """
    if isinstance(error, WrongAnswer):
        return error.kind
    # geventhttpclient wraps a timeout once its retries, here none, are used up.
    error = getattr(error, "original", None) or error
    # It also turns a reset into its own "closed", from within the handler of the reset.
    if isinstance(error, HTTPConnectionClosed) and isinstance(error.__context__, ConnectionResetError):
        return "reset"
    for types, kind in _KINDS:
        if isinstance(error, types):
            return kind
    return "unreachable" if isinstance(error, OSError) and error.errno in _UNREACHABLE else "other"
