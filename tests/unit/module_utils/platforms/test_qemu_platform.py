"""Caps and memory of a guest's process: the shell script against a real process, and QMP against a socket."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import processes, qemu
from ansible.module_utils.unilab.platforms.base import Instance, LocalHost
from ansible.module_utils.unilab.platforms.caps import expanded
from ansible.module_utils.unilab.platforms.qemu_platform import (
    QemuPlatform,
    memfd_resident_bytes,
    parse,
)
from xenservers import run

from contracts.platforms import PLATFORMS

SMAPS = """\
7f0000000000-7f0010000000 rw-s 00000000 00:01 1 /memfd:memory-backend-memfd (deleted)
Size:             262144 kB
Rss:               26600 kB
VmFlags: rd wr
7f0010000000-7f0010100000 rw-p 00000000 00:00 0
Rss:                1024 kB
7f0020000000-7f0020100000 rw-s 00000000 00:01 1 /memfd:memory-backend-memfd (deleted)
Rss:                 400 kB
"""
# What a memory-backend-memfd looks like in a process: 8 MiB, of which 2 MiB were written.
GUEST_PROGRAM = """
import mmap, os, pathlib, sys, time
handle = os.memfd_create("memory-backend-memfd")
os.ftruncate(handle, 8 << 20)
memory = mmap.mmap(handle, 8 << 20)
memory[: 2 << 20] = b"x" * (2 << 20)
pathlib.Path(sys.argv[1]).touch()
time.sleep(120)
"""


class Qmp(socketserver.StreamRequestHandler):
    """QEMU's side of QMP, for a guest of two vCPUs and 256 MiB."""

    answers: ClassVar[dict[str, Any]] = {
        "qmp_capabilities": {},
        "query-memory-size-summary": {"base-memory": 256 << 20},
        "query-cpus-fast": [{}, {}],
    }

    def handle(self) -> None:
        self.wfile.write(b'{"QMP": {}}\n')
        for line in self.rfile:
            command = json.loads(line)["execute"]
            self.wfile.write(b'{"event": "RESUME"}\n')
            self.wfile.write(json.dumps({"return": Qmp.answers[command]}).encode() + b"\n")


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    """A process that looks like a guest of QEMU, and its control socket."""
    monkeypatch.setattr(qemu.Guest, "qmp_socket", property(lambda self: tmp_path / "qmp"))
    instance = Instance("instance", directory=tmp_path)
    pid_file, ready = tmp_path / "pid", tmp_path / "ready"
    cpu = min(os.sched_getaffinity(0))
    command = ["taskset", "--cpu-list", str(cpu), "python3", "-c", GUEST_PROGRAM, str(ready)]
    processes.start(command, tmp_path / "console.log", pid_file)
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "qmp"), Qmp) as server:
        server.daemon_threads = True
        threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
        while not ready.exists():
            assert processes.running_pid(pid_file), (tmp_path / "console.log").read_text()
        yield instance
        server.shutdown()
    processes.end(pid_file)


def test_caps_are_those_of_process_and_qmp(guest: Instance) -> None:
    rows = QemuPlatform().read_caps(LocalHost(), guest)
    assert guest.directory
    pid, cpu = (guest.directory / "pid").read_text().split()[0], str(min(os.sched_getaffinity(0)))
    assert [(row["kind"], row["value"], row["unit"]) for row in rows] == [
        ("vcpus", 2, "cpus"),
        ("cpuset", cpu, "cpu list"),
        ("allocation", 256 << 20, "bytes"),
    ]
    assert [(row["resource"], row["kind"]) for row in rows] == [
        (resource, kind) for resource, kinds in PLATFORMS["qemu"].caps.items() for kind in kinds
    ]
    assert rows[1]["source"] == f"sched_getaffinity of the virtual CPUs' threads of {pid}"


def test_memory_is_what_the_guest_touched_and_what_its_process_holds(guest: Instance) -> None:
    rows = {row.kind: row.bytes for row in QemuPlatform().read_memory(LocalHost(), guest)}
    assert rows["guest_touched"] == 2 << 20 and rows["allocation"] == 256 << 20
    assert rows["hypervisor_process"] > rows["guest_touched"]
    assert tuple(rows) == PLATFORMS["qemu"].memory_kinds


def test_modules_read_the_guest(guest: Instance) -> None:
    found = {"platform": "qemu", "name": guest.name, "directory": str(guest.directory)}
    result = run("resource_cap", **found, cpus=2, memory_mib=256)
    assert (result["failed"], result["changed"], len(result["read_back"])) == (False, False, 3)
    result = run("resource_cap", **found, cpus=1, memory_mib=128)
    assert result["msg"] == "The caps do not hold: cpus: wanted 1, found 2; memory: wanted 128 MiB, found 256"
    rows = run("footprint", **found, when="idle")["footprints"]
    assert [row["kind"] for row in rows] == ["guest_touched", "hypervisor_process", "allocation"]


def test_guest_that_ended_is_reported(guest: Instance) -> None:
    platform, host = QemuPlatform(), LocalHost()
    assert guest.directory and platform.runs(host, guest)
    processes.end(guest.directory / "pid")
    assert not platform.runs(host, guest)
    with pytest.raises(LabError, match="does not run"):
        platform.read_caps(host, guest)


def test_pid_of_another_process_is_no_guest(guest: Instance) -> None:
    assert guest.directory
    pid, ticks = (guest.directory / "pid").read_text().split()
    other = Instance("other", directory=guest.directory / "other")
    assert other.directory
    other.directory.mkdir()
    (other.directory / "pid").write_text(f"{pid} {int(ticks) - 1}\n")
    assert not QemuPlatform().runs(LocalHost(), other)


def test_guest_without_directory_is_refused() -> None:
    result = run("footprint", platform="qemu", name="instance", when="idle")
    assert result["failed"] and "directory" in result["msg"]


def test_guest_memory_is_the_resident_part_of_its_memfd() -> None:
    assert memfd_resident_bytes(SMAPS) == 27000 * 1024


def test_affinity_is_that_of_all_threads() -> None:
    lines = "pid 7\nVmRSS:\t  12 kB\npid 7's current affinity list: 0,2-3\npid 8's current affinity list: 5\n"
    process = parse(lines)
    assert (process.pid, process.cpus, process.resident_bytes) == (7, "0,2,3,5", 12 * 1024)


def test_process_that_ends_while_it_is_read_is_reported() -> None:
    with pytest.raises(LabError, match="it has ended"):
        parse("pid 7\n")


@pytest.mark.parametrize(("text", "cpus"), [("0", {0}), ("0-2", {0, 1, 2}), ("1,4-5", {1, 4, 5})])
def test_cpu_list_is_expanded(text: str, cpus: set[int]) -> None:
    assert expanded(text) == cpus
