"""What the Python services share: N threads that answer, /identity and the errors of the contract."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import signal
import sys
from typing import Any, NoReturn

import unilab_settings
from flask import Flask, Response
from flask_restful import Api, Resource  # type: ignore[import-not-found]
from waitress.server import TcpWSGIServer, create_server  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

Answer = tuple[Any, int, dict[str, str]]

_PROBLEMS = {404: "not found", 405: "method not allowed"}


class GetOnly(Resource):  # type: ignore[misc]
    """A resource that answers GET and no other method."""

    def head(self, **_: str) -> Answer:
        """Refuse, where Flask would answer with the head of GET."""
        return failure(405)


def failure(status: int, problem: str = "") -> Answer:
    """Return an error in the contract's form."""
    headers = {"Allow": "GET"} if status == 405 else {}
    return {"error": problem or _PROBLEMS[status]}, status, headers


def run(service: str, resources: dict[str, type[GetOnly]]) -> NoReturn:
    """Serve ``resources`` (path -> resource) as ``service`` until SIGTERM, which ends the process at once."""
    port = unilab_settings.integer("UNILAB_PORT", 8080, 1, 65535)
    threads = unilab_settings.integer("UNILAB_THREADS", 1, 1, 64)
    identity = {
        "service": service,
        "nonce": unilab_settings.nonce(),
        "artifact": unilab_settings.artifact(),
    }
    app = Flask(service, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    api = _ContractApi(app, catch_all_404s=True)
    api.representation("application/json")(_compact_json)
    for path, resource in resources.items():
        api.add_resource(resource, path)
    server = _listen(app, port, threads)
    api.add_resource(_Identity, "/identity", resource_class_args=(identity, server.task_dispatcher))
    # Process 1 gets no signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    print(f"{service}: port {port}, threads {len(server.task_dispatcher.threads)}", flush=True)
    server.run()
    sys.exit(0)


class _Identity(GetOnly):
    def __init__(self, identity: dict[str, str], dispatcher: Any) -> None:
        self._identity, self._dispatcher = identity, dispatcher

    def get(self) -> dict[str, Any]:
        # The threads that serve, not the number that was asked for.
        return {**self._identity, "threads": len(self._dispatcher.threads)}


class _ContractApi(Api):  # type: ignore[misc]
    def handle_error(self, e: Exception) -> Response:
        if isinstance(e, HTTPException) and e.code in _PROBLEMS:
            return self.make_response(*failure(e.code))
        return super().handle_error(e)


def _compact_json(data: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(data, separators=(",", ":")), status, headers)


def _listen(app: Flask, port: int, threads: int) -> TcpWSGIServer:
    # A full queue is a closed loop's normal state; a line for each request would be measured too.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    os.set_blocking = _set_blocking
    try:
        return create_server(
            app,
            host="0.0.0.0",
            port=port,
            threads=threads,
            ident=None,
            connection_limit=16_384,  # the other languages have none; a study has 10 000 users at most
            asyncore_use_poll=True,  # select() ends at 1024 connections
            channel_timeout=24 * 3600,  # the other languages keep an idle connection
        )
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.stderr.write(f"environment: key UNILAB_PORT: {error.strerror}. Remedy: give a free port.\n")
        sys.exit(1)


def _set_blocking(descriptor: int, blocking: bool) -> None:
    """Do what os.set_blocking does by fcntl: CPython's ioctl(FIONBIO) fails on a pipe of OSv's."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    flags = flags & ~os.O_NONBLOCK if blocking else flags | os.O_NONBLOCK
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags)
