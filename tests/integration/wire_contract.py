"""The services' wire contract (docs/services.md), checked at any address: process, container or guest."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

SERVICES = Path(__file__).resolve().parents[2] / "services"
CONTENT_TYPE = "application/json"


class Address(NamedTuple):
    """Where an instance listens."""

    host: str
    port: int

    def connect(self, timeout_s: float = 60) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=timeout_s)


class Answer(NamedTuple):
    """What came back, body read to its end."""

    response: HTTPResponse
    body: str


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for_answer(address: Address, process: subprocess.Popen[str], patience_s: float = 60) -> None:
    """Ask until an answer comes. Fails when ``process`` ends before, or after ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            ask(address.connect(timeout_s=5), "/identity")
        except (ConnectionError, HTTPException, TimeoutError):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"no answer within {patience_s:g} s"
            time.sleep(0.02)
        else:
            return


def ask(connection: HTTPConnection, path: str, method: str = "GET", body: str | None = None) -> Answer:
    connection.request(method, path, body=body)
    response = connection.getresponse()
    return Answer(response, response.read().decode())


def reference(workload: str, array_length: int) -> list[dict[str, Any]]:
    """The entries of ``responses.json``, their placeholders filled in."""
    entries: list[dict[str, Any]] = json.loads((SERVICES / workload / "responses.json").read_text())
    for entry in entries:
        for name in entry.pop("parameters", []):
            assert name == "array_length"
            entry["body"] = entry["body"].replace("{array_length}", str(array_length))
    return entries


def check_responses(address: Address, workload: str, array_length: int) -> None:
    """Every entry of the reference, all of them on one connection that the server keeps open."""
    connection = address.connect()
    connection.connect()
    kept = connection.sock
    for entry in reference(workload, array_length):
        response, body = ask(connection, entry["path"], entry["method"])
        seen = {
            "method": entry["method"],
            "path": entry["path"],
            "status": response.status,
            "content_type": response.headers["Content-Type"],
            "body": body,
        }
        assert seen == entry
        assert response.version == 11
        assert response.headers.get_all("Content-Length") == [str(len(body.encode()))]
        assert response.headers["Allow"] == ("GET" if response.status == 405 else None)
        assert connection.sock is kept, f"the server closed after {entry['method']} {entry['path']}"
    connection.close()


def check_head(address: Address, path: str) -> None:
    """HEAD is refused with the head that a refused GET would have, and no body."""
    connection = address.connect()
    refused = ask(connection, path, "POST")
    response, body = ask(connection, path, "HEAD")
    assert (response.status, body) == (405, "")
    assert response.headers["Content-Type"] == CONTENT_TYPE
    assert response.headers["Content-Length"] == str(len(refused.body))
    assert ask(connection, "/identity").response.status == 200
    connection.close()


def check_refused_body(address: Address, path: str) -> None:
    """The body of a refused request is not taken for the next request on the connection."""
    connection = address.connect()
    assert ask(connection, path, "POST", body='{"title":"x"}' * 100).response.status == 405
    assert ask(connection, "/identity").response.status == 200
    connection.close()


def check_identity(address: Address, service: str, nonce: str, artifact: str, threads: int) -> None:
    connection = address.connect()
    response, body = ask(connection, "/identity")
    assert (response.status, response.headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert body == (
        f'{{"service":"{service}","nonce":"{nonce}","artifact":"{artifact}","threads":{threads}}}'
    )
    connection.close()
