"""A trivial target for calibration: sends the right response at once.

    python3 -m unilab_load.responder RESPONSES [NAME=VALUE,...]     (in the folder of locustfiles)

Listens on a free port of 127.0.0.1, prints it, and ends with its standard input; then it prints how often
it answered which request. Where the machine has another CPU than the one its parent is bound to, it takes
that one: it must not slow what it calibrates.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from unilab_load.lead.reference import load_reference
from unilab_load.request import Request
from unilab_load.wire.exchange import ExpectedResponse
from unilab_load.worker.plan import assignments

IDENTITY = {"service": "responder", "nonce": "responder", "artifact": "responder", "threads": 1}
_HEAD_END = b"\r\n\r\n"


def answers(reference: list[ExpectedResponse]) -> dict[bytes, bytes]:
    """The whole response to each request, by the request's first two words."""
    identity = json.dumps(IDENTITY).encode()
    found = {b"GET /identity": _response(200, "application/json", identity)}
    for expected in reference:
        answer = expected.response
        wire = Request(expected.method, expected.path).wire("", keep_alive=True)
        found[_first_words(wire)] = _response(answer.status, answer.content_type, answer.body)
    return found


def serve(listener: socket.socket, responses: dict[bytes, bytes], parent_fd: int) -> dict[str, int]:
    """Answer until ``parent_fd`` ends; return how often which request was answered.

    Requests without a body, one at a time on each connection.
    """
    poller = select.epoll()
    listener.setblocking(False)
    poller.register(listener, select.EPOLLIN)
    poller.register(parent_fd, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    known: dict[bytes, list[Any]] = {}
    while True:
        for fd, _ in poller.poll():
            if fd == parent_fd:
                counts: Counter[str] = Counter()
                for key, _, count in known.values():
                    counts[key] += count
                return counts
            if fd == listener.fileno():
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poller.register(client, select.EPOLLIN)
                continue
            client = clients[fd]
            try:
                request = client.recv(4096)
                entry = known.get(request)
                if entry is None and request.endswith(_HEAD_END):
                    line = _first_words(request)
                    entry = known[request] = [line.decode(), responses[line], 0]
                if entry is not None:
                    client.sendall(entry[1])
                    entry[2] += 1
            except (OSError, KeyError):
                request = b""
            if not request:
                poller.unregister(fd)
                clients.pop(fd).close()


def _first_words(request: bytes) -> bytes:
    """Method and path of a request's bytes."""
    return b" ".join(request.split(b" ", 2)[:2])


def _response(status: int, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _leave_the_parents_cpu() -> None:
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    others = os.sched_getaffinity(0) - mine
    if others:
        os.sched_setaffinity(0, others)


if __name__ == "__main__":
    _leave_the_parents_cpu()
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        parameters = assignments("NAME=VALUE,...", sys.argv[2]) if len(sys.argv) > 2 else {}
        table = answers(load_reference(Path(sys.argv[1]), parameters))
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        sys.stdout.write(json.dumps(serve(server, table, sys.stdin.fileno())) + "\n")
