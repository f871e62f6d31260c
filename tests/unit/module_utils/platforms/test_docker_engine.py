"""The engine's socket: what is asked, and what is said when it refuses or is not there."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.docker_engine import Engine


class Api(BaseHTTPRequestHandler):
    """Answers as the engine does, and remembers what was asked."""

    asked: ClassVar[list[tuple[str, str, object]]] = []
    answers: ClassVar[dict[str, tuple[int, object]]] = {
        "GET /v1.41/containers/here/json": (200, {"State": {"Running": True, "Pid": 7}}),
        "GET /v1.41/containers/gone/json": (404, {"message": "No such container: gone"}),
        "POST /v1.41/containers/create?name=here": (201, {"Id": "1"}),
        "POST /v1.41/containers/here/start": (500, {"message": "port is already allocated"}),
        "DELETE /v1.41/containers/here?force=true&v=true": (204, None),
        "DELETE /v1.41/containers/gone?force=true&v=true": (404, {"message": "No such container"}),
    }

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        Api.asked.append((self.command, self.path, body))
        status, content = Api.answers[f"{self.command} {self.path}"]
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    Api.asked.clear()
    with socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Engine(path=str(tmp_path / "docker.sock"))
        server.shutdown()


def test_a_container_is_created_and_found(engine: Engine) -> None:
    engine.create("here", {"Image": "x"})
    assert Api.asked == [("POST", "/v1.41/containers/create?name=here", {"Image": "x"})]
    found = engine.inspect("here")
    assert found and found["State"]["Pid"] == 7


def test_one_that_is_not_there_is_none(engine: Engine) -> None:
    assert engine.inspect("gone") is None
    assert engine.remove("gone") is False
    assert engine.remove("here") is True


def test_a_refusal_carries_the_engines_own_words(engine: Engine) -> None:
    with pytest.raises(LabError, match="port is already allocated"):
        engine.start("here")


def test_no_engine_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="run the role docker_engine"):
        Engine(path=str(tmp_path / "nothing")).version()
