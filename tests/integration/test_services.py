"""The services and their variants, built by make, as processes of this machine: their wire contract."""

from __future__ import annotations

import select
import shlex
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wire_contract import (
    SERVICES,
    Address,
    ask,
    check_head,
    check_identity,
    check_refused_body,
    check_responses,
    free_port,
    wait_for_answer,
)

from contracts.manifest import host_path, load_manifest
from contracts.workload import SERVICES as SERVICE_NAMES
from contracts.workload import split_service
from filter_plugins.project.manifests import service_manifest

ENTRY = {"todos": "/todos", "bubble_sort": "/sort"}
ARRAY_LENGTH = 50
# A sort of about a second: long beside a small request, short beside a coffee.
LONG_ARRAY_LENGTH = {"go": 30_000, "java": 30_000, "python": 4_000}
TERMINATED = 143  # 128 + SIGTERM
BAD_ENVIRONMENT = [
    ("UNILAB_PORT", "0", "a whole number from 1 to 65535"),
    ("UNILAB_PORT", "65536", "a whole number from 1 to 65535"),
    ("UNILAB_THREADS", "0", "a whole number from 1 to 64"),
    ("UNILAB_THREADS", "+1", "a whole number from 1 to 64"),
    ("UNILAB_THREADS", "", "a whole number from 1 to 64"),
    ("UNILAB_NONCE", 'a"b', "at most 128 of A-Z a-z 0-9 . _ ~ + / = -"),
    ("UNILAB_ARRAY_LENGTH", "1", "a whole number from 2 to 1000000"),
    ("UNILAB_ARRAY_LENGTH", "1000001", "a whole number from 2 to 1000000"),
]


class NativeService:
    """A service of this tree, run as a process of this machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.workload, self.language = split_service(name)
        self.manifest = load_manifest(SERVICES / service_manifest(name))
        self.folder = self.manifest.folder

    def build(self) -> None:
        subprocess.run(shlex.split(self.manifest.build), cwd=self.folder, check=True)

    def popen(self, **environment: str) -> subprocess.Popen[str]:
        own = {name: self._native(value) for name, value in self.manifest.env.items()}
        return subprocess.Popen(
            [self._native(word) for word in shlex.split(self.manifest.cmdline)],
            env=own | environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def running(self, **environment: str) -> Iterator[tuple[Address, int]]:
        """Yield (address, process id) of a service that answers; it must end well, without complaint."""
        address = Address("127.0.0.1", free_port())
        process = self.popen(UNILAB_PORT=str(address.port), **environment)
        try:
            wait_for_answer(address, process)
            yield address, process.pid
            process.terminate()
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
        threads = environment.get("UNILAB_THREADS", "1")
        assert (process.returncode, errors) == (TERMINATED, "")
        assert output == f"{self.name}: port {address.port}, threads {threads}\n"

    def _native(self, word: str) -> str:
        """Put the build folder's path in place of a path inside the staged tree."""
        for guest, host in self.manifest.files.items():
            if word == guest or word.startswith(f"{guest}/"):
                return f"{host_path(self.manifest.path, guest, host)}{word.removeprefix(guest)}"
        return word


@pytest.fixture(scope="module", params=SERVICE_NAMES)
def service(request: pytest.FixtureRequest) -> NativeService:
    native = NativeService(request.param)
    native.build()
    return native


@pytest.fixture(scope="module", params=[name for name in SERVICE_NAMES if name.startswith("bubble_sort")])
def sorting_service(request: pytest.FixtureRequest) -> NativeService:
    native = NativeService(request.param)
    native.build()
    return native


def test_a_second_make_does_nothing(service: NativeService) -> None:
    subprocess.run([*shlex.split(service.manifest.build), "--question"], cwd=service.folder, check=True)


@pytest.mark.parametrize("threads", [1, 4])
def test_wire_contract(service: NativeService, threads: int, tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    artifact.write_text("0123abcd\n")
    entry = ENTRY[service.workload]
    with service.running(
        UNILAB_THREADS=str(threads),
        UNILAB_NONCE="7f.A_z~9+/=-",
        UNILAB_ARTIFACT_FILE=str(artifact),
        UNILAB_ARRAY_LENGTH=str(ARRAY_LENGTH),
    ) as (address, _):
        check_responses(address, service.workload, ARRAY_LENGTH)
        check_head(address, entry)
        check_refused_body(address, entry)
        check_identity(address, service.name, "7f.A_z~9+/=-", "0123abcd", threads)


def test_identity_without_nonce_and_artifact(service: NativeService, tmp_path: Path) -> None:
    with service.running(UNILAB_ARTIFACT_FILE=str(tmp_path / "none")) as (address, _):
        check_identity(address, service.name, "", "", 1)


def test_bad_environment(service: NativeService) -> None:
    for name, value, wanted in BAD_ENVIRONMENT:
        if name == "UNILAB_ARRAY_LENGTH" and service.workload != "bubble_sort":
            continue
        process = service.popen(**{name: value})
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output) == (2, "")
        assert errors == f"environment: key {name}: '{value}' is not valid. Remedy: give {wanted}.\n"


def test_port_taken(service: NativeService) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        process = service.popen(UNILAB_PORT=str(other.getsockname()[1]))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("environment: key UNILAB_PORT: ")
    assert errors.endswith(". Remedy: give a free port.\n")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("threads", [1, 4])
def test_a_sort_holds_up_what_its_thread_serves(sorting_service: NativeService, threads: int) -> None:
    """Java and Python run a handler to its end; Go's scheduler shares even one thread."""
    length = str(LONG_ARRAY_LENGTH[sorting_service.language])
    with sorting_service.running(UNILAB_THREADS=str(threads), UNILAB_ARRAY_LENGTH=length) as (address, pid):
        before = cpu_ticks(pid)
        sorting = address.connect()
        sorting.request("GET", "/sort")
        while cpu_ticks(pid) < before + 5:  # until the sort has begun
            time.sleep(0.005)
        ask(address.connect(), "/identity")
        # An answer that was given before may still be under way, but not for as long as a sort takes.
        sorted_before, _, _ = select.select([sorting.sock], [], [], 0.05)
        assert sorting.getresponse().status == 200
        sorting.close()
    held_up = threads == 1 and sorting_service.language != "go"
    assert bool(sorted_before) == held_up


@pytest.mark.parametrize("threads", [1, 4])
def test_as_many_sorts_run_at_once_as_there_are_threads(sorting_service: NativeService, threads: int) -> None:
    length = LONG_ARRAY_LENGTH[sorting_service.language]
    with sorting_service.running(UNILAB_THREADS=str(threads), UNILAB_ARRAY_LENGTH=str(length)) as (
        address,
        pid,
    ):
        sorters = [threading.Thread(target=ask, args=(address.connect(), "/sort")) for _ in range(4)]
        for sorter in sorters:
            sorter.start()
        seen = []
        while all(sorter.is_alive() for sorter in sorters):
            seen.append(runnable_threads(pid))
            time.sleep(0.01)
        for sorter in sorters:
            sorter.join()
    # CPython's interpreter lock lets one thread compute at a time, however many there are.
    at_once = statistics.median(seen)
    if threads == 1 or sorting_service.language == "python":
        assert at_once == 1
    else:
        assert at_once > 1


def cpu_ticks(pid: int) -> int:
    """User and system time of process ``pid`` so far, in clock ticks (proc(5))."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def runnable_threads(pid: int) -> int:
    """Threads of ``pid`` that run or wait for a processor (state R of proc(5)), less Java's compilers."""
    states = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            line = (task / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that has just ended
        name, _, fields = line.rpartition(")")
        if "CompilerThre" not in name:
            states.append(fields.split()[0])
    return states.count("R")
