"""The XAPI double boots the uploaded disk, with the guest's own head written over its start."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.module_utils.unilab.lab import network as lab_network
from xenservers import connection, run

from tests.doubles.xapi.backends import Qemu
from tests.doubles.xapi.server import Double

MIB = 1 << 20
SAYS = b"booted from the uploaded disk"
# A name for this run alone: others may run the same test.
LAB = f"uxapi-boot{os.getpid()}"

# 16-bit code at 0x7C00: SI on the text, then each letter to the first serial port (0x3F8), then halt.
CODE = bytes.fromhex("31c0 8ed8 be 1c7c ba f803 ac 84c0 74 03 ee ebf8 f4 ebfd".replace(" ", "")).ljust(
    0x1C, b"\x90"
)

needs = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("qemu-system-x86_64") is None,
    reason="makes a network namespace and boots a guest: needs root and qemu-system-x86_64",
)


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    lab_network.present(LAB, "10.99.7.1/24", [])
    running = Double(tmp_path / "double", Qemu(tmp_path / "guests", f"{LAB}-switch")).start()
    yield running
    running.stop()
    lab_network.absent(LAB)


@needs
def test_uploaded_disk_boots(double: Double, tmp_path: Path) -> None:
    path = tmp_path / "boot.raw"
    sector = (CODE + SAYS + b"\0").ljust(510, b"\0") + b"\x55\xaa"
    path.write_bytes(sector.ljust(2 * MIB, b"\0"))
    to = connection(double)
    disk = run("xenserver_disk", connection=to, name="image", path=str(path))["uuid"]
    answer = run(
        "xenserver_guest",
        connection=to,
        name="instance",
        disk=disk,
        memory_mib=64,
        cap_percent=50,
        network="Pool-wide network associated with eth0",
        mac="02:00:00:00:00:07",
    )
    assert answer.get("power_state") == "Running", answer
    (log,) = (tmp_path / "guests").glob("*/console.log")
    deadline_s = time.monotonic() + 60
    while SAYS not in log.read_bytes() and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert SAYS in log.read_bytes()
    of = {"platform": "xenserver", "name": "instance", "connection": to}
    assert not run("resource_cap", **of, cpus=0.5, memory_mib=64)["failed"]
    assert run("footprint", **of, when="idle")["footprints"][0]["bytes"] == 64 * MIB
    run("xenserver_guest", connection=to, name="instance", state="absent")
    run("xenserver_disk", connection=to, name="image", state="absent")
    assert set(double.state()["left_behind"].values()) == {0}
    assert not list((tmp_path / "guests").glob("*/pid"))
