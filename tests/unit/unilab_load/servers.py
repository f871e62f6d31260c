"""A server of one fixed response on 127.0.0.1, for tests of how a load starts and what it refuses."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

BODY = '{"right":1}'
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
RIGHT = f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode()


class OneResponse:
    """Sends ``response`` for every request, and then ends the connection where ``ends``.

    Attributes:
        heads: the requests so far, each without a body.
    """

    def __init__(self, response: bytes = RIGHT, ends: bool = False, address: str = "127.0.0.1") -> None:
        self.response, self.ends = response, ends
        self.heads: list[bytes] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        received = b""
        with client, suppress(OSError):
            while data := client.recv(65536):
                received += data
                while b"\r\n\r\n" in received:
                    head, _, received = received.partition(b"\r\n\r\n")
                    self.heads.append(head)
                    client.sendall(self.response)
                    if self.ends:
                        return


def write_responses(path: Path, request_path: str = "/todos", body: str = BODY) -> Path:
    """Write a reference of one GET whose right response is that of ``OneResponse``."""
    row = {
        "method": "GET",
        "path": request_path,
        "status": 200,
        "content_type": "application/json",
        "body": body,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row]))
    return path
