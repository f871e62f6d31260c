"""What kind of error a request ended with."""

from __future__ import annotations

import errno
from http.client import HTTPException, RemoteDisconnected

CONNECTION_KINDS = frozenset({"refused", "reset", "closed", "unreachable"})
"""Kinds that say that nobody is there, or that who was there went away."""

ANSWERED_KINDS = frozenset({"status", "body", "protocol"})
"""Kinds of an answer that came and is wrong: another status, another body, not HTTP."""

OWN_KINDS = frozenset({"no_port", "no_file"})
"""Kinds that the client machine itself ran out of: they spoil the trial, whatever the target did."""

_TYPES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (TimeoutError, "timeout"),
    (RemoteDisconnected, "closed"),  # before the next line: it is a ConnectionResetError too
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "reset"),
    (ConnectionRefusedError, "refused"),
    (HTTPException, "protocol"),
)

_NUMBERS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "no_port",
    errno.EMFILE: "no_file",
    errno.ENFILE: "no_file",
}


def failure_kind(error: BaseException) -> str:
    """Return refused, reset, closed, timeout, unreachable, protocol, no_port, no_file or other.

    ``closed`` is an orderly end of the connection without a whole answer, ``reset`` an abrupt one. The
    engine itself finds timeouts, ends, and the kinds of a wrong answer.
    """
    for types, kind in _TYPES:
        if isinstance(error, types):
            return kind
    number = error.errno if isinstance(error, OSError) else None
    return _NUMBERS.get(number or 0, "other")
