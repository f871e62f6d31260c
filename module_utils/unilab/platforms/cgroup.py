"""Limits and memory of a process's control group, read from the kernel's own files.

cgroup v2: Documentation/admin-guide/cgroup-v2.rst; v1: Documentation/admin-guide/cgroup-v1/ in Linux.
The group's path is looked up in /proc/PID/cgroup, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError

MOUNT = Path("/sys/fs/cgroup")
# v1 writes a limit that is not set as the largest page-aligned number.
_V1_UNLIMITED = 2**60


@dataclass(frozen=True)
class Reading:
    """One value and the file that it came from."""

    value: float
    source: str


@dataclass(frozen=True)
class Group:
    """Directories of one process's group: one for all controllers (v2), or one each (v1)."""

    cpu: Path
    memory: Path
    cpuset: Path
    unified: bool


def group_of(pid: int, mount: Path = MOUNT, proc: Path = Path("/proc")) -> Group:
    """The group of ``pid``. Raises LabError when the process is gone."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        raise LabError(f"process {pid} is gone: its control group cannot be read.") from None
    paths: dict[str, str] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path.lstrip("/")
    if "memory" not in paths:
        only = mount / paths[""]
        return Group(only, only, only, unified=True)
    return Group(
        cpu=mount / "cpu" / paths["cpu"],
        memory=mount / "memory" / paths["memory"],
        cpuset=mount / "cpuset" / paths["cpuset"],
        unified=False,
    )


def cpu_quota(group: Group) -> Reading | None:
    """CPUs' worth of time that the group may use, None where unlimited."""
    if group.unified:
        file = group.cpu / "cpu.max"
        quota, period = file.read_text().split()
        return None if quota == "max" else Reading(int(quota) / int(period), str(file))
    file = group.cpu / "cpu.cfs_quota_us"
    quota_us = int(file.read_text())
    period_us = int((group.cpu / "cpu.cfs_period_us").read_text())
    return None if quota_us < 0 else Reading(quota_us / period_us, str(file))


def memory_limit(group: Group) -> Reading | None:
    """Bytes that the group may hold, None where unlimited."""
    file = group.memory / ("memory.max" if group.unified else "memory.limit_in_bytes")
    text = file.read_text().strip()
    if text == "max" or int(text) >= _V1_UNLIMITED:
        return None
    return Reading(int(text), str(file))


def cpus_allowed(group: Group) -> tuple[str, str]:
    """CPU list that the group may run on, and the file that says so."""
    name = "cpuset.cpus.effective" if group.unified else "cpuset.cpus"
    file = group.cpuset / name
    return (file.read_text().strip(), str(file)) if file.exists() else ("", str(file))


def memory_in_use(group: Group) -> dict[str, Reading]:
    """Memory of the group in bytes, by kind.

    ``cgroup`` is all that is charged to the group, page cache included; ``docker_stats`` leaves out
    the inactive page cache, as ``docker stats`` has done since 20.10 (docker/cli#2415); ``anonymous``
    is what the program itself allocated; ``cgroup_peak`` the most that was ever charged.
    """
    if group.unified:
        current, peak, inactive, anonymous = ("memory.current", "memory.peak", "inactive_file", "anon")
    else:
        current, peak = "memory.usage_in_bytes", "memory.max_usage_in_bytes"
        inactive, anonymous = "total_inactive_file", "total_rss"
    used = int((group.memory / current).read_text())
    stat = dict(line.split() for line in (group.memory / "memory.stat").read_text().splitlines())
    readings = {
        "cgroup": Reading(used, current),
        "docker_stats": Reading(max(0, used - int(stat[inactive])), f"{current} - memory.stat:{inactive}"),
        "anonymous": Reading(int(stat[anonymous]), f"memory.stat:{anonymous}"),
    }
    if (group.memory / peak).exists():
        readings["cgroup_peak"] = Reading(int((group.memory / peak).read_text()), peak)
    return readings
