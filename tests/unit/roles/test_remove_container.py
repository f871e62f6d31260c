"""The shell command that removes a container through the engine's API, and without Perl by its client."""

from __future__ import annotations

import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

SCRIPT = (Path(__file__).resolve().parents[3] / "roles/trial/files/remove-container.sh").read_text()


class Engine(BaseHTTPRequestHandler):
    """Knows the container ``here``, and refuses to remove ``busy``."""

    asked: ClassVar[list[str]] = []

    def do_DELETE(self) -> None:
        Engine.asked.append(self.path)
        name = self.path.split("/")[3].partition("?")[0]
        status, body = {"here": (204, b""), "busy": (409, b'{"message": "in progress"}')}.get(
            name, (404, b"{}")
        )
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    Engine.asked.clear()
    path = tmp_path / "docker.sock"
    with socketserver.UnixStreamServer(str(path), Engine) as server:
        threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
        yield path
        server.shutdown()


def remove(name: str, socket: Path, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "UNILAB_DOCKER_SOCKET": str(socket)}
    command = ["/bin/sh", "-c", SCRIPT, "sh", name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_container_is_removed_with_its_volumes(engine: Path) -> None:
    assert remove("here", engine).returncode == 0
    assert Engine.asked == ["/v1.41/containers/here?force=true&v=true"]


def test_container_that_is_not_there_is_no_error(engine: Path) -> None:
    assert remove("gone", engine).returncode == 0


def test_refusal_carries_the_engines_message(engine: Path) -> None:
    done = remove("busy", engine)
    assert done.returncode != 0 and '{"message": "in progress"}' in done.stderr


def test_missing_engine_is_an_error(tmp_path: Path) -> None:
    done = remove("here", tmp_path / "nothing")
    assert done.returncode != 0 and "no Docker engine listens" in done.stderr


@pytest.mark.parametrize(
    ("client", "removed"),
    [
        ("exit 0", True),
        ("echo Error: No such container: x >&2; exit 1", True),
        ("echo denied >&2; exit 1", False),
    ],
)
def test_client_is_used_without_perl(tmp_path: Path, client: str, removed: bool) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{client}\n')
    docker.chmod(0o755)
    done = remove("here", tmp_path / "nothing", path=str(tmp_path))
    assert (done.returncode == 0) is removed
    assert (tmp_path / "asked").read_text() == "rm --force --volumes here\n"
    assert removed or "denied" in done.stderr
