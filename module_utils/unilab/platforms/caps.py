"""Limits of an instance: what is wanted, and what the system says holds."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup, qemu
from ansible.module_utils.unilab.platforms.docker_engine import Engine
from ansible.module_utils.unilab.platforms.xenserver import running

MIB = 1024 * 1024
Row = dict[str, Any]

# What XAPI is asked for, and the row that it becomes: resource, kind, unit.
_XENSERVER_ROWS = {
    "vcpus": ("cpu", "vcpus", "cpus"),
    "cap": ("cpu", "cap", "cpus"),
    "weight": ("cpu", "weight", "weight"),
    "mask": ("cpu", "cpuset", "cpu list"),
    "memory_limit": ("memory", "limit", "bytes"),
    "memory_actual": ("memory", "allocation", "bytes"),
}


def docker_resources(cpus: float, memory_mib: int, cpuset: str) -> dict[str, Any]:
    """The caps in the engine's own terms. No swap beyond memory: a cap that swaps is none."""
    memory_bytes = memory_mib * MIB
    resources: dict[str, Any] = {
        "NanoCpus": round(cpus * 1e9),
        "Memory": memory_bytes,
        "MemorySwap": memory_bytes,
    }
    if cpuset:
        resources["CpusetCpus"] = cpuset
    return resources


def read_docker(engine: Engine, name: str) -> list[Row]:
    """Caps of the running container ``name``, from its control group. Raises LabError."""
    found = engine.inspect(name)
    if not found or not found["State"]["Running"]:
        raise LabError(f"container {name} does not run: there are no caps to read.")
    group = cgroup.group_of(found["State"]["Pid"])
    rows = []
    if quota := cgroup.cpu_quota(group):
        rows.append(_row("cpu", "quota", quota.source, quota.value, "cpus"))
    allowed, source = cgroup.cpus_allowed(group)
    if allowed:
        rows.append(_row("cpu", "cpuset", source, allowed, "cpu list"))
    if limit := cgroup.memory_limit(group):
        rows.append(_row("memory", "limit", limit.source, limit.value, "bytes"))
    return rows


def read_qemu(guest: qemu.Guest) -> list[Row]:
    """Caps of the running guest: vCPUs and memory as QEMU states them, and its threads' CPUs."""
    pid = qemu.running(guest)
    if pid is None:
        raise LabError(f"guest {guest.name} does not run: there are no caps to read.")
    said = qemu.describe(guest)
    cpus = ",".join(str(cpu) for cpu in sorted(qemu.cpu_affinity(pid)))
    return [
        _row("cpu", "vcpus", "QMP query-cpus-fast", said["vcpus"], "cpus"),
        _row("cpu", "cpuset", f"sched_getaffinity of the threads of {pid}", cpus, "cpu list"),
        _row("memory", "allocation", "QMP query-memory-size-summary", said["memory_bytes"], "bytes"),
    ]


def read_xenserver(connection: dict[str, Any], name: str) -> list[Row]:
    """Caps of the running guest ``name`` as XAPI states them. Raises LabError."""
    found = running.read_limits(connection, name)
    rows = []
    for key, (resource, kind, unit) in _XENSERVER_ROWS.items():
        source, value = found[key]
        if value not in ("", 0):  # no mask, no cap
            rows.append(_row(resource, kind, source, value, unit))
    source, scheduler = found["scheduler"]
    rows += [_row("cpu", f"scheduler_{key}", source, value, key) for key, value in sorted(scheduler.items())]
    return rows


def differences(rows: list[Row], cpus: float, memory_mib: int) -> list[str]:
    """What of ``rows`` does not hold the caps; empty when they hold.

    A CPU cap holds where a quota or a number of vCPUs equals it; memory must be exact.
    """
    faults = []
    cpu = [row["value"] for row in rows if row["resource"] == "cpu" and row["unit"] == "cpus"]
    if not any(abs(value - cpus) < 1e-6 for value in cpu):
        faults.append(f"cpus: wanted {cpus:g}, found {', '.join(f'{v:g}' for v in cpu) or 'no limit'}")
    memory = [row["value"] for row in rows if row["resource"] == "memory"]
    if not any(value == memory_mib * MIB for value in memory):
        found = ", ".join(f"{v / MIB:g}" for v in memory) or "no limit"
        faults.append(f"memory: wanted {memory_mib} MiB, found {found}")
    return faults


def _row(resource: str, kind: str, source: str, value: float | str, unit: str) -> Row:
    return {"resource": resource, "kind": kind, "source": source, "value": value, "unit": unit}
