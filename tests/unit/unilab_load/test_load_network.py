"""Which side dropped TCP segments, and targets with an IPv6 address: on the loopback of own namespaces.

The load counts segments of its own connections, so foreign traffic on the machine changes nothing here.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.unit.unilab_load.servers import RIGHT, OneResponse, write_responses

PROJECT = Path(__file__).parents[3]
LOCUSTFILE = (
    "from unilab_load.request import get\n"
    "from unilab_load.user import FastUser\n"
    "class U(FastUser):\n    a = get('/todos')\n"
)
_ENVIRONMENT = os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'locustfiles'}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "l.py").write_text(LOCUSTFILE)
    write_responses(tmp_path / "responses.json")
    return tmp_path


def _load(folder: Path, host: str, *words: str, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
    command = [*prefix, sys.executable, "-m", "locust", "-f", "l.py", "--headless", f"--host={host}"]
    done = subprocess.run(
        [*command, "--output=out", *words],
        cwd=folder,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    content = json.loads((folder / "out/load.json").read_text())
    assert content["outcome"]["state"] == "completed", (content["outcome"], done.stderr)
    load: dict[str, Any] = content["load"]
    return load | {"stdout": done.stdout}


@pytest.fixture
def one_by_one() -> Iterator[int]:
    """The port of a target that serves one connection after another, with a listen queue of one."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, suppress(OSError):
                        client.settimeout(5)
                        client.recv(4096)
                        client.sendall(RIGHT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def test_full_listen_queue_is_not_the_generators_fault(one_by_one: int, folder: Path) -> None:
    load = _load(folder, f"http://127.0.0.1:{one_by_one}", "-t3s", "-u40", "--timeout-s=4")
    early = load["generator"]["early_retransmits"]
    assert early > 0 and load["generator"]["retransmits"] == 0
    assert "sent again" not in load["verdict"]
    assert f"{early} TCP segments were sent again before the target's first response" in load["stdout"]
    assert "the target (a full listen queue) or the path dropped them" in load["stdout"]


def test_segments_of_other_programs_are_not_counted(folder: Path) -> None:
    """Other programs' connections to a full listen queue send their SYNs again while the load runs."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        foreign = [stack.enter_context(socket.socket()) for _ in range(30)]
        for connection in foreign:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        target = OneResponse()
        load = _load(folder, f"http://127.0.0.1:{target.port}", "-t2s", "-u4")
        target.close()
        info = [
            int.from_bytes(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[100:], "little")
            for c in foreign
        ]
    assert sum(info) > 0, "no foreign segment was sent again: this test shows nothing"
    assert (load["generator"]["retransmits"], load["generator"]["early_retransmits"]) == (0, 0)


_IN_A_NAMESPACE = ("unshare", "--map-root-user", "--net", "sh", "-ec")
_SERVER = (
    "from tests.unit.unilab_load.servers import OneResponse\n"
    "import sys\n"
    "print(OneResponse(address=sys.argv[1]).port, flush=True)\n"
    "sys.stdin.read()\n"
)


def _namespace(set_up: str) -> None:
    """Skip where this machine cannot make a network namespace and run ``set_up`` in it."""
    done = subprocess.run([*_IN_A_NAMESPACE, set_up], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespace with what this test needs: {done.stderr.strip()}")


def _load_in_a_namespace(folder: Path, set_up: str, address: str, *words: str) -> dict[str, Any]:
    """Load a target on ``address`` inside a network namespace of its own."""
    _namespace(set_up)
    (folder / "server.py").write_text(_SERVER)
    host = f"[{address}]" if ":" in address else address
    script = f"{set_up}\nmkfifo hold port\n{sys.executable} server.py {address} <hold >port &\nexec 9>hold\n"
    script += f'read PORT <port\n"$@" --host=http://{host}:$PORT'
    command = [sys.executable, "-m", "locust", "-f", "l.py", "--headless", "--output=out", *words]
    done = subprocess.run(
        [*_IN_A_NAMESPACE, script, "sh", *command],
        cwd=folder,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    content = json.loads((folder / "out/load.json").read_text())
    assert content["outcome"]["state"] == "completed", (content["outcome"], done.stderr)
    load: dict[str, Any] = content["load"]
    return load


def test_segments_that_the_path_drops_spoil_the_trial(folder: Path) -> None:
    # Bursts of 40 users do not fit into a queue of 2 kB.
    lossy = "ip link set lo up; tc qdisc add dev lo root tbf rate 2mbit burst 3kb limit 2kb"
    load = _load_in_a_namespace(folder, lossy, "127.0.0.1", "-t4s", "-u40")
    again = load["generator"]["retransmits"]
    assert again > 10
    assert f"{again} TCP segments were sent again for {load['requests']} requests" in load["verdict"]
    assert "the path or the client dropped them" in load["verdict"]


def test_ipv6_target_is_loaded(folder: Path) -> None:
    loopback = "ip link set lo up; ip addr add fd00::7/128 dev lo"
    load = _load_in_a_namespace(folder, loopback, "fd00::7", "--requests=20", "-u2")
    assert load["requests"] == 20 and load["errors"] == {}
