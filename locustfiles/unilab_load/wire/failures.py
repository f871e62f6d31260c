"""The kind of error that a request ended with."""

from __future__ import annotations

import errno

CONNECTION_KINDS = frozenset({"refused", "reset", "closed", "unreachable"})
"""Kinds of a target without a listener, or that ended the connection."""

ANSWERED_KINDS = frozenset({"status", "body", "protocol"})
"""Kinds of a response that is wrong: another status, another body, not HTTP."""

OWN_KINDS = frozenset({"no_port", "no_file"})
"""Resources that the client machine itself used up: they spoil the trial, whatever the target did."""

_TYPES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (TimeoutError, "timeout"),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "reset"),
    (ConnectionRefusedError, "refused"),
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
    """Return refused, reset, timeout, unreachable, no_port, no_file or other.

    ``closed`` is an orderly end of the connection without a whole answer, ``reset`` an abrupt one. The
    engine itself finds timeouts, ends, and the kinds of a wrong answer.
    """
    for types, kind in _TYPES:
        if isinstance(error, types):
            return kind
    number = error.errno if isinstance(error, OSError) else None
    return _NUMBERS.get(number or 0, "other")
