"""Memory of one instance, by kind; each row says where it came from.

Kinds are not interchangeable. ``guest_touched`` is the part of a guest's memory that it has ever
written or read, kernel included; a container's ``docker_stats`` holds no kernel at all.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup, qemu
from ansible.module_utils.unilab.platforms.docker_engine import Engine
from ansible.module_utils.unilab.platforms.xenserver import running

Row = dict[str, Any]


def of_docker(engine: Engine, name: str, when: str) -> list[Row]:
    """Footprints of the running container ``name``. Raises LabError when it is gone."""
    found = engine.inspect(name)
    if not found or not found["State"]["Running"]:
        raise LabError(f"container {name} does not run: its memory cannot be read.")
    readings = cgroup.memory_in_use(cgroup.group_of(found["State"]["Pid"]))
    return [_row(kind, reading.source, reading.value, when) for kind, reading in readings.items()]


def of_qemu(guest: qemu.Guest, when: str) -> list[Row]:
    """Footprints of the running guest. Raises LabError when it is gone."""
    pid = qemu.running(guest)
    if pid is None:
        raise LabError(f"guest {guest.name} does not run: its memory cannot be read.")
    touched = memfd_resident_bytes(Path(f"/proc/{pid}/smaps").read_text())
    resident = qemu.process_status(pid)["VmRSS"]
    said = qemu.describe(guest)["memory_bytes"]
    return [
        _row("guest_touched", "/proc/PID/smaps, Rss of the memfd that is the guest's RAM", touched, when),
        _row("hypervisor_process", "/proc/PID/status VmRSS of QEMU, guest RAM included", resident, when),
        _row("allocation", "QMP query-memory-size-summary", said, when),
    ]


def of_xenserver(connection: dict[str, Any], name: str, when: str) -> list[Row]:
    """Footprints of the running guest ``name``, as XAPI tells them. Raises LabError."""
    found = running.read_memory(connection, name)
    return [_row(kind, source, value, when) for kind, (source, value) in found.items()]


def memfd_resident_bytes(smaps: str) -> int:
    """Sum of Rss over the mappings of a memory-backend-memfd in ``smaps`` (proc(5)), in bytes."""
    total_kib, inside = 0, False
    for line in smaps.splitlines():
        if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
            inside = "/memfd:memory-backend-memfd" in line
        elif inside and line.startswith("Rss:"):
            total_kib += int(line.split()[1])
    return total_kib * 1024


def _row(kind: str, source: str, value: float, when: str) -> Row:
    return {"kind": kind, "source": source, "bytes": int(value), "when": when}
