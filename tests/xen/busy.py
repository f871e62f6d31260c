"""A guest kept busy: one request after another for an array to be sorted."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# It stops by itself, whatever becomes of who started it.
REQUESTS, SECONDS, ANSWER_TIMEOUT_S = 500, 300, 60


@contextmanager
def kept_busy(port: int) -> Iterator[None]:
    """Within, the service behind 127.0.0.1:``port`` always has an array to sort."""
    enough = threading.Event()
    until_s = time.monotonic() + SECONDS

    def ask() -> None:
        for _ in range(REQUESTS):
            if enough.is_set() or time.monotonic() > until_s:
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/sort")
                connection.getresponse().read()
            connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        enough.set()
        asking.join()
