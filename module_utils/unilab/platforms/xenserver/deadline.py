"""A time limit for a whole answer: a socket's own limit starts again with each byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Limited(Protocol):
    """A connection; ``opened`` is its socket, which a response keeps after the connection closed it."""

    opened: socket.socket | None


@contextmanager
def deadline(connection: Limited, limit_s: float) -> Iterator[None]:
    """End the connection after ``limit_s``. Raises TimeoutError where the block had not ended by then."""
    passed = threading.Event()

    def cut() -> None:
        passed.set()
        if connection.opened is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown, which drops the TLS layer under the reading thread.
                socket.socket.shutdown(connection.opened, socket.SHUT_RDWR)

    timer = threading.Timer(limit_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if passed.is_set():
            raise TimeoutError(f"no whole answer within {limit_s:g} s") from error
        raise
    finally:
        timer.cancel()
    if passed.is_set():
        raise TimeoutError(f"no whole answer within {limit_s:g} s")
