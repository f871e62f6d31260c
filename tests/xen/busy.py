"""A guest kept busy: several clients, each with one request after another for an array to sort."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# It stops by itself, even if the caller does not.
REQUESTS, SECONDS, ANSWER_TIMEOUT_S = 20_000, 400, 60


@contextmanager
def kept_busy(port: int, clients: int) -> Iterator[None]:
    """Within, the service at 127.0.0.1:``port`` has up to ``clients`` arrays to sort at any time.

    With one client the guest would be idle while a response and the next request are on their way, which on a
    fast machine is most of the time.
    """
    enough = threading.Event()
    until_s = time.monotonic() + SECONDS

    def request_repeatedly() -> None:
        for _ in range(REQUESTS // clients):
            if enough.is_set() or time.monotonic() > until_s:
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/sort")
                connection.getresponse().read()
            connection.close()

    threads = [threading.Thread(target=request_repeatedly) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        for thread in threads:
            thread.join()
