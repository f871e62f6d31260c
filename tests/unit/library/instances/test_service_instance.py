"""The module service_instance over a double of ssh: containers of an engine, and what becomes of failures."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible.module_utils.unilab.platforms import docker_engine
from ansible.module_utils.unilab.platforms.base import LocalHost
from ssh_double import asked, ssh_double
from xenservers import run

GROUP = "/sys/fs/cgroup/docker/x"
READING = (
    f"\x1emembership\n0::/docker/x\n\x1e{GROUP}/cpu.max\n100000 100000\n"
    f"\x1e{GROUP}/cpuset.cpus.effective\n1\n"
    f"\x1e{GROUP}/memory.max\n268435456\n\x1e{GROUP}/memory.current\n5000000\n"
    f"\x1e{GROUP}/memory.stat\nanon 1000000\ninactive_file 3000000\n"
)


class Quiet(BaseHTTPRequestHandler):
    """Answers with JSON, and prints nothing."""

    def reply(self, status: int, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Engine(Quiet):
    """One container, as the engine keeps it."""

    asked: ClassVar[list[tuple[str, str]]] = []
    container: ClassVar[dict[str, Any]] = {}
    removal: ClassVar[int] = 204

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        path = self.path.removeprefix("/v1.41").partition("?")[0]
        Engine.asked.append((self.command, path))
        if self.command == "DELETE":
            known, Engine.container = Engine.container, {}
            status = Engine.removal if known else 404
            self.reply(status, {"message": "the container cannot be removed" if status == 500 else ""})
            return
        if path.endswith("/create"):
            Engine.container = {"State": {"Running": False, "Pid": 0}}
        if path.endswith("/start"):
            Engine.container["State"] = {"Running": True, "Pid": 4711}
        self.reply(200, Engine.container)

    do_GET = do_POST = do_DELETE = answer


class Service(Quiet):
    """A service that reports its identity."""

    def do_GET(self) -> None:
        self.reply(200, {"nonce": "abc", "artifact": "5f", "threads": 1})


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Engine]]:
    Engine.asked, Engine.container, Engine.removal = [], {}, 204
    monkeypatch.setattr(docker_engine, "SOCKET", str(tmp_path / "docker.sock"))
    with socketserver.ThreadingUnixStreamServer(docker_engine.SOCKET, Engine) as server:
        server.daemon_threads = True
        threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
        yield Engine
        server.shutdown()


@pytest.fixture
def wanted(tmp_path: Path, engine: type[Engine]) -> Iterator[dict[str, Any]]:
    """Options for a container whose service answers on this machine, reached by the double of ssh."""
    words = ssh_double(tmp_path)
    # The control group of the container that the engine reports is no group of this machine.
    program = Path(words[0])
    reading = tmp_path / "reading"
    reading.write_text(READING)
    program.write_text(program.read_text().replace('exec "$@"', f"cat > /dev/null; cat {reading}"))
    with HTTPServer(("127.0.0.1", 0), Service) as service:
        threading.Thread(target=lambda: service.serve_forever(poll_interval=0.01), daemon=True).start()
        start = {
            "environment": {"UNILAB_NONCE": "abc"},
            "cpus": 1.0,
            "memory_mib": 256,
            "cpu_list": "1",
            "host_network": False,
            "nonce": "abc",
            "address": "127.0.0.1",
            "publish_address": "",
            "port": service.server_port,
            "timeout_s": 5.0,
        }
        yield {
            "platform": "docker",
            "name": "instance",
            "ssh": [*words, "host"],
            "image": {"name": "unilab/todos-go"},
            "start": start,
        }
        service.shutdown()


def test_container_is_started_read_and_ended_over_ssh(
    wanted: dict[str, Any], engine: type[Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalHost, "shell", lambda self, script: pytest.fail("not over ssh"))
    found = run("service_instance", **wanted)
    assert found["start"]["identity"] == {"nonce": "abc", "artifact": "5f", "threads": 1}
    assert 0 <= found["start"]["first_answer_ms"] < 60_000
    assert "failed" not in found["caps"] and len(found["caps"]["read_back"]) == 3
    assert {row["when"] for row in found["memory"]["footprints"]} == {"idle"}
    assert set(found["seconds"]) == {"prepare", "first_answer", "read"}
    # Caps and memory are read by one command.
    assert asked(tmp_path).count("host sh") == 1
    found = run("service_instance", platform="docker", name="instance", ssh=wanted["ssh"], state="ended")
    assert found["not_stopped"] == "" and {row["when"] for row in found["memory"]["footprints"]} == {"loaded"}
    assert Engine.container == {}


def test_caps_that_do_not_hold_are_part_of_the_result(wanted: dict[str, Any]) -> None:
    found = run("service_instance", **wanted | {"start": wanted["start"] | {"cpu_list": "0"}})
    assert not found["failed"] and found["caps"]["failed"]
    assert found["caps"]["msg"] == "The caps do not hold: cpuset: wanted 0, found 1"
    assert found["caps"]["read_back"]


def test_instance_that_cannot_be_removed_is_part_of_the_result(wanted: dict[str, Any]) -> None:
    run("service_instance", **wanted)
    Engine.removal = 500
    found = run("service_instance", platform="docker", name="instance", ssh=wanted["ssh"], state="ended")
    assert not found["failed"] and "the container cannot be removed" in found["not_stopped"]


def test_instance_that_gives_no_right_answer_is_part_of_the_result(wanted: dict[str, Any]) -> None:
    start = wanted["start"] | {"nonce": "other", "timeout_s": 0.3}
    found = run("service_instance", **wanted | {"start": start})
    assert not found["failed"] and not found["start"]["ended"]
    assert "no right answer within 0.3 s" in found["start"]["msg"] and "caps" not in found


def test_host_without_a_login_is_part_of_the_result(wanted: dict[str, Any]) -> None:
    words = [*wanted["ssh"][:-1], "closed"]
    found = run("service_instance", **wanted | {"ssh": words})
    assert "no login over ssh" in found["start"]["msg"]
    ended = run("service_instance", platform="docker", name="instance", ssh=words, state="ended")
    assert "no login over ssh" in ended["not_stopped"]


def test_name_in_place_of_an_address_is_refused(wanted: dict[str, Any]) -> None:
    found = run("service_instance", **wanted | {"start": wanted["start"] | {"address": "server"}})
    assert "key service_address: server is no IP address" in found["start"]["msg"]


def test_memory_that_the_study_does_not_ask_for_is_skipped(wanted: dict[str, Any]) -> None:
    assert run("service_instance", **wanted, memory_reading=False)["memory"] == {"skipped": True}
