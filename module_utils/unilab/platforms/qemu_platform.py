"""Guests of QEMU: their processes, read from /proc, and what QEMU itself reports by QMP."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import qemu, qemu_script
from ansible.module_utils.unilab.platforms.base import Cap, Host, Instance, Memory, cap
from ansible.module_utils.unilab.platforms.caps import expanded
from ansible.module_utils.unilab.units import KIB

_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ ")
_AFFINITY = re.compile(r"^pid \d+'s current affinity list: (\S+)$", re.MULTILINE)

# Prints nothing where the process that the pid file remembers has ended (see processes: pid and start time).
_SCRIPT = r"""
read -r pid ticks < {pid_file} && [ -r "/proc/$pid/stat" ] || exit 0
read -r stat < "/proc/$pid/stat"
set -- ${stat##*) }
[ "$1" != Z ] && [ "${20}" = "$ticks" ] || exit 0
echo "pid $pid"
vcpus=
for task in "/proc/$pid/task"/*; do
  read -r name < "$task/comm" && case $name in "CPU "*) vcpus="$vcpus ${task##*/}" ;; esac
done
for thread in $vcpus; do taskset --cpu-list --pid "$thread"; done
[ -n "$vcpus" ] || taskset --all-tasks --cpu-list --pid "$pid"
grep -hE '^VmRSS:|^[0-9a-f]+-[0-9a-f]+ |^Rss:' "/proc/$pid/status" "/proc/$pid/smaps"
:
"""


@dataclass(frozen=True)
class _Process:
    """What the host's kernel reports of a guest's process."""

    pid: int
    cpus: str
    resident_bytes: int
    guest_bytes: int


class QemuPlatform:
    """QEMU, with KVM or without."""

    name = "qemu"
    needs: tuple[str, ...] = ("directory",)
    changes_caps = False

    def start(self, host: Host, instance: Instance, boot: qemu.Boot) -> None:
        """Boot the guest, on the host that this program runs on."""
        qemu.start(_guest(instance), boot)

    def prepare(self, host: Host, instance: Instance, boot: qemu.Boot) -> None:
        """Make the guest's state directory and its tap device, in place of what an earlier one left."""
        guest = _guest(instance)
        host.shell(qemu_script.end(guest) + qemu_script.prepare(guest, boot))

    def launch(self, host: Host, instance: Instance, boot: qemu.Boot) -> float:
        """Start QEMU: when it began, by time.monotonic()."""
        return host.timed_shell(qemu_script.start(_guest(instance), boot))[1]

    def console(self, host: Host, instance: Instance) -> str:
        """The guest's serial console."""
        return host.shell(qemu_script.console(_guest(instance)))

    def stop(self, host: Host, instance: Instance) -> bool:
        """End the guest and remove its state. True when there was anything."""
        return bool(host.shell(qemu_script.end(_guest(instance))).strip())

    def runs(self, host: Host, instance: Instance) -> bool:
        """Whether QEMU runs."""
        return bool(host.shell(_script(instance)).strip())

    def read_caps(self, host: Host, instance: Instance) -> list[Cap]:
        """vCPUs and memory as QEMU states them, and the CPUs of the vCPUs' threads."""
        process = self._process(host, instance)
        reported = _reported(host, instance)
        affinity = f"sched_getaffinity of the virtual CPUs' threads of {process.pid}"
        memory = "QMP query-memory-size-summary"
        return [
            cap("cpu", "vcpus", "QMP query-cpus-fast", reported["vcpus"], "cpus"),
            cap("cpu", "cpuset", affinity, process.cpus, "cpu list"),
            cap("memory", "allocation", memory, reported["memory_bytes"], "bytes"),
        ]

    def set_caps(self, host: Host, instance: Instance, cpus: float, memory_mib: int, cpuset: str) -> None:
        """Nothing can be changed. Raises LabError."""
        raise LabError("the caps of a guest of QEMU are fixed at its start. Remedy: start it with others.")

    def read_memory(self, host: Host, instance: Instance) -> list[Memory]:
        """Pages that the guest touched, QEMU's own resident set, and the allocation."""
        process = self._process(host, instance)
        allocation = int(_reported(host, instance)["memory_bytes"])
        touched = "/proc/PID/smaps, Rss of the memfd that is the guest's RAM"
        resident = "/proc/PID/status VmRSS of QEMU, guest RAM included"
        return [
            Memory("guest_touched", touched, process.guest_bytes),
            Memory("hypervisor_process", resident, process.resident_bytes),
            Memory("allocation", "QMP query-memory-size-summary", allocation),
        ]

    def _process(self, host: Host, instance: Instance) -> _Process:
        output = host.shell(_script(instance))
        if not output.strip():
            raise LabError(f"guest {instance.name} does not run: there is nothing to read.")
        return parse(output)


def parse(output: str) -> _Process:
    """What the script of ``read_caps`` and ``read_memory`` printed."""
    pid, resident = re.search(r"^pid (\d+)$", output, re.M), re.search(r"^VmRSS:\s+(\d+) kB$", output, re.M)
    if not pid or not resident:
        raise LabError("a guest's process cannot be read: it has ended.")
    cpus: set[int] = set()
    for text in _AFFINITY.findall(output):
        cpus |= expanded(text)
    return _Process(
        pid=int(pid.group(1)),
        cpus=",".join(str(cpu) for cpu in sorted(cpus)),
        resident_bytes=int(resident.group(1)) * KIB,
        guest_bytes=memfd_resident_bytes(output),
    )


def memfd_resident_bytes(smaps: str) -> int:
    """Sum of Rss over the mappings of a memory-backend-memfd in ``smaps`` (proc(5)), in bytes."""
    total_kib, inside = 0, False
    for line in smaps.splitlines():
        if _MAPPING.match(line):
            inside = "/memfd:memory-backend-memfd" in line
        elif inside and line.startswith("Rss:"):
            total_kib += int(line.split()[1])
    return total_kib * KIB


def _guest(instance: Instance) -> qemu.Guest:
    if instance.directory is None:
        raise LabError("key directory: missing. Remedy: give the state directory of the guest.")
    return qemu.Guest(instance.name, Path(instance.directory), instance.namespace or None)


def _script(instance: Instance) -> str:
    return _SCRIPT.replace("{pid_file}", shlex.quote(str(_guest(instance).pid_file))).strip()


def _reported(host: Host, instance: Instance) -> dict[str, Any]:
    return qemu.describe(_guest(instance), host)
