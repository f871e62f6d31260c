"""Limits and memory of a process's control group, from the kernel's own files.

cgroup v2: Documentation/admin-guide/cgroup-v2.rst; v1: Documentation/admin-guide/cgroup-v1/ in Linux.
The group's path is looked up in /proc/PID/cgroup, never guessed. One shell script prints every file that is
needed (``script``); all that follows from them is decided here, so that the script can run elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.base import Cap, cap

MOUNT = Path("/sys/fs/cgroup")
PROC = Path("/proc")
# v1 writes a limit that is not set as the largest page-aligned number.
_V1_UNLIMITED = 2**60

# A line that names the file whose content follows: ASCII's record separator, which no such file has.
_SEPARATOR = "\x1e"
_MEMBERSHIP = "membership"
_FILES = (
    *("cpu.max", "cpuset.cpus.effective", "memory.max", "memory.current", "memory.peak", "memory.stat"),
    *("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpuset.cpus"),
    *("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes"),
)
# One program prints all files: on an emulated host each start of one costs tenths of a second.
_SCRIPT = r"""
set --
printf '\036membership\n'
while IFS=: read -r number controllers path; do
  printf '%s:%s:%s\n' "$number" "$controllers" "$path"
  IFS=,
  for controller in "" $controllers; do
    folder={mount}${controller:+/$controller}$path
    for file in {files}; do [ ! -r "$folder/$file" ] || set -- "$@" "$folder/$file"; done
  done
  unset IFS
done < {proc}/{pid}/cgroup
[ "$#" = 0 ] || awk 'FNR == 1 { printf "\036%s\n", FILENAME } { print }' "$@"
:
"""

Files = Mapping[str, str]


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


def script(pid: int | str, mount: Path = MOUNT, proc: Path = PROC) -> str:
    """A POSIX shell script that prints the files of the group of ``pid``, for ``parse``.

    ``pid`` is a number, or a variable of the shell such as ``$pid``.
    """
    values = {"pid": str(pid), "mount": str(mount), "proc": str(proc), "files": " ".join(_FILES)}
    return re.sub(r"\{(pid|mount|proc|files)\}", lambda found: values[found.group(1)], _SCRIPT).strip()


def parse(output: str) -> Files:
    """Files that ``script`` printed, by path. Raises LabError where the process was gone."""
    files: dict[str, str] = {}
    for part in output.replace("\r\n", "\n").split(_SEPARATOR)[1:]:
        name, _, content = part.partition("\n")
        files[str(Path(name))] = content
    if not files.get(_MEMBERSHIP, "").strip():
        raise LabError("the instance is gone: its control group cannot be read.")
    return files


def group_of(files: Files, mount: Path = MOUNT) -> Group:
    """The group whose files were printed."""
    paths: dict[str, str] = {}
    for line in files[_MEMBERSHIP].splitlines():
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


def cpu_quota(files: Files, group: Group) -> Reading | None:
    """CPUs' worth of time that the group may use, None where unlimited."""
    if group.unified:
        file = group.cpu / "cpu.max"
        quota, period = _content(files, file).split()
        return None if quota == "max" else Reading(int(quota) / int(period), str(file))
    file = group.cpu / "cpu.cfs_quota_us"
    quota_us = int(_content(files, file))
    period_us = int(_content(files, group.cpu / "cpu.cfs_period_us"))
    return None if quota_us < 0 else Reading(quota_us / period_us, str(file))


def memory_limit(files: Files, group: Group) -> Reading | None:
    """Bytes that the group may hold, None where unlimited."""
    file = group.memory / ("memory.max" if group.unified else "memory.limit_in_bytes")
    text = _content(files, file).strip()
    if text == "max" or int(text) >= _V1_UNLIMITED:
        return None
    return Reading(int(text), str(file))


def cpus_allowed(files: Files, group: Group) -> tuple[str, str]:
    """CPU list that the group may run on, and the file that states it."""
    name = "cpuset.cpus.effective" if group.unified else "cpuset.cpus"
    file = str(group.cpuset / name)
    return files.get(file, "").strip(), file


def caps(files: Files) -> list[Cap]:
    """The limits that a control group's files state."""
    group = group_of(files)
    rows = []
    if quota := cpu_quota(files, group):
        rows.append(cap("cpu", "quota", quota.source, quota.value, "cpus"))
    allowed, source = cpus_allowed(files, group)
    if allowed:
        rows.append(cap("cpu", "cpuset", source, allowed, "cpu list"))
    if limit := memory_limit(files, group):
        rows.append(cap("memory", "limit", limit.source, limit.value, "bytes"))
    return rows


def memory_in_use(files: Files, group: Group) -> dict[str, Reading]:
    """Memory of the group in bytes, by kind.

    ``cgroup`` is all that is charged to the group, page cache included; ``docker_stats`` is that without the
    inactive page cache, as in ``docker stats`` since 20.10 (docker/cli#2415); ``anonymous``
    is what the program itself allocated; ``cgroup_peak`` the most that was ever charged.
    """
    if group.unified:
        current, peak, inactive, anonymous = ("memory.current", "memory.peak", "inactive_file", "anon")
    else:
        current, peak = "memory.usage_in_bytes", "memory.max_usage_in_bytes"
        inactive, anonymous = "total_inactive_file", "total_rss"
    used = int(_content(files, group.memory / current))
    stat = dict(line.split() for line in _content(files, group.memory / "memory.stat").splitlines())
    readings = {
        "cgroup": Reading(used, current),
        "docker_stats": Reading(max(0, used - int(stat[inactive])), f"{current} - memory.stat:{inactive}"),
        "anonymous": Reading(int(stat[anonymous]), f"memory.stat:{anonymous}"),
    }
    if str(group.memory / peak) in files:
        readings["cgroup_peak"] = Reading(int(files[str(group.memory / peak)]), peak)
    return readings


def _content(files: Files, path: Path) -> str:
    try:
        return files[str(path)]
    except KeyError:
        raise LabError(f"{path} cannot be read: the instance has ended, or has no such limit.") from None
