"""Containers: what the engine is asked for, and how caps and memory are read from a control group."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup, docker_engine, first_answer
from ansible.module_utils.unilab.platforms.base import GivenOutput, Instance, LocalHost
from ansible.module_utils.unilab.platforms.docker_platform import (
    DockerBoot,
    DockerPlatform,
    configuration,
    resources,
)
from xenservers import run

from contracts.platforms import PLATFORMS

PID = 4711
GROUP = "/sys/fs/cgroup/docker/x"
READING = "\n".join(
    [
        "\x1emembership",
        "0::/docker/x",
        f"\x1e{GROUP}/cpu.max",
        "50000 100000",
        f"\x1e{GROUP}/memory.max",
        "268435456",
        f"\x1e{GROUP}/memory.current",
        "5000000",
        f"\x1e{GROUP}/memory.stat",
        "anon 1000000",
        "inactive_file 3000000",
        "",
    ]
)
NO_CPUS = READING.replace("50000 100000", "max 100000")


class Engine(BaseHTTPRequestHandler):
    """One container, as the engine keeps it."""

    asked: ClassVar[list[tuple[str, str, Any]]] = []
    container: ClassVar[dict[str, Any]] = {}
    starts: ClassVar[bool] = True

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        path = self.path.removeprefix("/v1.41")
        Engine.asked.append((self.command, path, body))
        status, content = self.outcome(path)
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def outcome(self, path: str) -> tuple[int, Any]:
        if path.startswith("/containers/create"):
            Engine.container = {"State": {"Running": False, "Pid": 0}, "Image": "sha256:5f"}
            return 201, {}
        if not Engine.container:
            return 404, {"message": "No such container"}
        if path.endswith("/start"):
            Engine.container["State"] = {"Running": Engine.starts, "Pid": PID if Engine.starts else 0}
        if self.command == "DELETE":
            Engine.container = {}
        return 200, Engine.container

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Engine]]:
    Engine.asked, Engine.container, Engine.starts = [], {}, True
    monkeypatch.setattr(docker_engine, "SOCKET", str(tmp_path / "docker.sock"))
    with socketserver.ThreadingUnixStreamServer(docker_engine.SOCKET, Engine) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
        thread.start()
        yield Engine
        server.shutdown()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The service's first answer is the right one; what was asked for is listed."""
    asked: list[tuple[Any, ...]] = []

    def wait(address: str, port: int, nonce: str, timeout_s: float, alive: Any) -> first_answer.FirstAnswer:
        asked.append((address, port, nonce, timeout_s, alive()))
        if not alive():
            raise first_answer.NoAnswer("the instance ended before it answered")
        identity = {"nonce": nonce, "artifact": "5f", "threads": 1}
        return first_answer.FirstAnswer(identity, first_answer.time.monotonic(), 3)

    monkeypatch.setattr(first_answer, "wait", wait)
    return asked


WANTED = {
    "name": "instance",
    "image": "unilab/todos-go",
    "env": {"UNILAB_NONCE": "abc"},
    "port": 8081,
    "address": "127.0.0.1",
    "nonce": "abc",
    "cpus": 0.5,
    "memory_mib": 256,
    "timeout_s": 7.0,
}


def test_module_makes_a_fresh_container_with_its_caps(answers: list[tuple[Any, ...]]) -> None:
    result = run("docker_instance", **WANTED)
    assert [(method, path) for method, path, _ in Engine.asked[:3]] == [
        ("DELETE", "/containers/instance?force=true&v=true"),
        ("POST", "/containers/create?name=instance"),
        ("POST", "/containers/instance/start"),
    ]
    assert Engine.asked[1][2] == {
        "Image": "unilab/todos-go",
        "Env": ["UNILAB_NONCE=abc"],
        "ExposedPorts": {"8081/tcp": {}},
        "HostConfig": {
            "PortBindings": {"8081/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]},
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": ""},
            "CpuPeriod": 100_000,
            "CpuQuota": 50_000,
            "Memory": 268435456,
            "MemorySwap": 268435456,
        },
    }
    assert answers == [("127.0.0.1", 8081, "abc", 7.0, True)]
    assert (result["changed"], result["failed"], result["polls"]) == (True, False, 3)
    assert result["identity"] == {"nonce": "abc", "artifact": "5f", "threads": 1}
    assert result["image_id"] == "sha256:5f" and 0 <= result["first_answer_ms"] < 60_000
    assert result["reading_script"] == cgroup.script(PID)


def test_module_reports_container_that_ended(answers: list[tuple[Any, ...]]) -> None:
    Engine.starts = False
    result = run("docker_instance", **WANTED)
    assert (result["failed"], result["ended"]) == (True, True)
    assert "first_answer_ms" not in result and "ended before" in result["msg"]


def test_module_in_check_mode_asks_and_changes_nothing() -> None:
    assert run("docker_instance", check=True, **WANTED)["changed"] is True
    assert run("docker_instance", check=True, name="instance", state="absent")["changed"] is False
    assert {method for method, _, _ in Engine.asked} == {"GET"}


def test_module_removes_the_container_once(answers: list[tuple[Any, ...]]) -> None:
    run("docker_instance", **WANTED)
    assert run("docker_instance", name="instance", state="absent")["changed"] is True
    assert run("docker_instance", name="instance", state="absent")["changed"] is False


def test_resources_allow_no_swap_beyond_memory() -> None:
    assert resources(1.5, 256, "") == {
        "CpuPeriod": 100_000,
        "CpuQuota": 150_000,
        "Memory": 1 << 28,
        "MemorySwap": 1 << 28,
    }
    assert resources(1, 1, "0-1")["CpusetCpus"] == "0-1"


def test_caps_and_memory_come_from_given_output() -> None:
    platform, host, instance = DockerPlatform(), GivenOutput(READING), Instance("instance")
    assert [(row["resource"], row["kind"], row["value"]) for row in platform.read_caps(host, instance)] == [
        ("cpu", "quota", 0.5),
        ("memory", "limit", 268435456.0),
    ]
    memory = {row.kind: row.bytes for row in platform.read_memory(host, instance)}
    assert memory == {"cgroup": 5000000, "docker_stats": 2000000, "anonymous": 1000000}
    described = PLATFORMS["docker"]
    assert set(memory) < set(described.memory_kinds)
    assert all(row["kind"] in described.caps[row["resource"]] for row in platform.read_caps(host, instance))
    assert Engine.asked == []


def test_container_that_does_not_run_is_reported() -> None:
    platform, host, instance = DockerPlatform(), LocalHost(), Instance("instance")
    assert platform.runs(host, instance) is False
    with pytest.raises(LabError, match="does not run"):
        platform.read_caps(host, instance)
    platform.start(host, instance, DockerBoot("image", {}, 8080, 1, 64, ["127.0.0.1"]))
    assert platform.runs(host, instance) is True and platform.pid(host, instance) == PID


@pytest.mark.parametrize(("reading", "holds"), [(READING, True), (NO_CPUS, False)])
def test_resource_cap_judges_given_output(reading: str, holds: bool) -> None:
    result = run("resource_cap", platform="docker", name="i", cpus=0.5, memory_mib=256, reading=reading)
    assert result["failed"] is not holds and len(result["read_back"]) == (2 if holds else 1)
    assert holds or result["msg"] == "The caps do not hold: cpus: wanted 0.5, found no limit"
    assert Engine.asked == []


def test_resource_cap_changes_caps_that_differ(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[Any, ...]]
) -> None:
    run("docker_instance", **WANTED)
    bound = READING + f"\x1e{GROUP}/cpuset.cpus.effective\n1\n"
    outputs = iter([NO_CPUS, bound])
    monkeypatch.setattr(LocalHost, "shell", lambda self, script: next(outputs))
    result = run("resource_cap", platform="docker", name="instance", cpus=0.5, memory_mib=256, cpuset="1")
    assert (result["failed"], result["changed"]) == (False, True)
    assert ("POST", "/containers/instance/update", resources(0.5, 256, "1")) in Engine.asked


def test_resource_cap_in_check_mode_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, answers: list[tuple[Any, ...]]
) -> None:
    run("docker_instance", **WANTED)
    monkeypatch.setattr(LocalHost, "shell", lambda self, script: NO_CPUS)
    result = run("resource_cap", check=True, platform="docker", name="instance", cpus=0.5, memory_mib=256)
    assert (result["failed"], result["changed"]) == (False, True)
    assert "/containers/instance/update" not in [path for _, path, _ in Engine.asked]


def test_footprint_keeps_when_it_was_read() -> None:
    rows = run("footprint", platform="docker", name="i", when="loaded", reading=READING)["footprints"]
    assert {row["when"] for row in rows} == {"loaded"}
    assert {"kind": "docker_stats", "bytes": 2000000}.items() <= rows[1].items()


def test_footprint_of_instance_that_is_gone_fails() -> None:
    result = run("footprint", platform="docker", name="i", when="idle", reading="")
    assert result["failed"] and "gone" in result["msg"]


def test_container_in_its_hosts_network_publishes_nothing() -> None:
    boot = DockerBoot("image", {}, 8080, 1, 64, ["127.0.0.1"], host_network=True)
    found = configuration(boot)["HostConfig"]
    assert found["NetworkMode"] == "host" and "PortBindings" not in found
