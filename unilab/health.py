"""What is wrong with the machines of a laboratory, from the facts that the module host_health read."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contracts.systems import is_known, known_systems
from contracts.units import GIB, MIB

# A trial measures the difference of clocks and takes it out; more than this is a clock that is not
# synchronised at all. A laboratory's guest that is halted during other arms' trials has such a clock.
MAX_CLOCK_S = 1.0
# Share of a host's CPUs that other programs may use while nothing is measured.
MAX_BUSY_SHARE = 0.25
MIN_FREE_BYTES = 5 * GIB
MIN_RESULTS_BYTES = 1 * GIB
MIN_MEMORY_BYTES = 512 * MIB
MIN_SPEED_MBIT_PER_S = 1000


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. is_serious: trials fail or mislead; else they are only slower or noisier."""

    host: str
    kind: str
    problem: str
    remedy: str
    is_serious: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        weight = "" if self.is_serious else " (caution)"
        return f"{self.host}: {self.kind}{weight}: {self.problem}. Remedy: {self.remedy}."


def collect(facts: dict[str, dict[str, Any] | None], event: Mapping[str, Any]) -> None:
    """Add what one event of playbooks/doctor.yml shows to ``facts``, in the form that ``findings`` takes."""
    data = event.get("event_data", {})
    host, action, result = data.get("host", ""), data.get("task_action", ""), data.get("res", {})
    match event.get("event"):
        case "runner_on_unreachable":
            facts[host] = None
        case "runner_on_failed":
            facts[host] = {"failure": str(result.get("msg", "a task failed without a message"))}
        case "runner_on_ok" if action == "xenserver_facts" and result.get("msg"):
            facts[host] = {"failure": str(result["msg"])}
        case "runner_on_ok" if action == "clock_offset":
            _add(facts, host, {"clock": {"offset_ns": result["offset_ns"]}})
        case "runner_on_ok" if action == "host_health":
            _add(facts, host, result["health"])


def _add(facts: dict[str, dict[str, Any] | None], host: str, more: Mapping[str, Any]) -> None:
    facts[host] = {**(facts.get(host) or {}), **more}


def findings(facts: Mapping[str, Mapping[str, Any] | None], results: Path) -> list[Finding]:
    """What is wrong, host by host.

    Args:
        facts: host -> facts of the module host_health, with ``clock`` of the module clock_offset; or
            ``failure``, the message of a task that failed; None for a host that cannot be reached.
        results: folder of all campaigns, on the controller.
    """
    found = list(_controller(results))
    for host, row in sorted(facts.items()):
        if row is None:
            found.append(_unreachable(host))
        elif "failure" in row:
            found.append(_failure(host, str(row["failure"])))
        else:
            found.extend(_host(host, row))
    return [*found, *_mtus({host: row for host, row in facts.items() if row})]


def _controller(results: Path) -> Iterator[Finding]:
    folder = next(path for path in (results.resolve(), *results.resolve().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < MIN_RESULTS_BYTES:
        yield Finding(
            "controller",
            "disk",
            f"{results} has {free / MIB:.0f} MiB left for records",
            "free at least 1 GiB there",
        )


def _unreachable(host: str) -> Finding:
    return Finding(
        host,
        "login",
        "it cannot be logged in to",
        "check that it is up, and its address, user and key in the inventory",
    )


def _failure(host: str, message: str) -> Finding:
    kind = (
        "password" if "SESSION_AUTHENTICATION_FAILED" in message or "password" in message.lower() else "host"
    )
    problem, _, remedy = message.rstrip(".").partition(". Remedy: ")
    return Finding(host, kind, problem, remedy or "correct this, and run unilab doctor again")


def _host(host: str, row: Mapping[str, Any]) -> Iterator[Finding]:
    groups = row.get("groups", [])
    if not row["is_root"]:
        yield Finding(
            host, "rights", "tasks do not run as root", "log in as root, or set ansible_become: true"
        )
    if not is_known(row["system"], row["release"]):
        yield Finding(
            host,
            "system",
            f"{row['system']} {row['release']} is not known to the roles",
            f"use {known_systems()}",
        )
    offset_s = abs(row.get("clock", {}).get("offset_ns", 0)) / 1e9
    if offset_s > MAX_CLOCK_S:
        yield Finding(
            host,
            "clock",
            f"its clock differs from the controller's by {offset_s:.1f} s",
            "synchronise both by NTP (timedatectl set-ntp true)",
            is_serious=False,
        )
    if "qemu_hosts" in groups and not row["has_kvm"]:
        yield Finding(
            host,
            "kvm",
            "it has no /dev/kvm, so guests are emulated: times are not those of hardware, counted work is",
            "enable virtualization in the firmware, or nested virtualization where it is a guest itself",
            is_serious=False,
        )
    slow = [governor for governor in row["governors"] if governor != "performance"]
    if slow:
        yield Finding(
            host,
            "governor",
            f"the CPU frequency governor is {', '.join(slow)}",
            "cpupower frequency-set -g performance",
            is_serious=False,
        )
    if row["swap_used_bytes"]:
        yield Finding(
            host,
            "swap",
            f"{row['swap_used_bytes'] / MIB:.0f} MiB are swapped out",
            "end other programs, then swapoff -a && swapon -a",
        )
    available = row["memory_available_bytes"]
    if available is not None and available < MIN_MEMORY_BYTES:
        yield Finding(
            host, "memory", f"{available / MIB:.0f} MiB are available", "end other programs, or add memory"
        )
    for folder, free in row["free_bytes"].items():
        if free < MIN_FREE_BYTES:
            yield Finding(
                host,
                "disk",
                f"{folder} has {free / GIB:.1f} GiB left",
                f"free {MIN_FREE_BYTES / GIB:.0f} GiB",
            )
    busy = row["load_1min"] / (row["cpus"] or 1)
    if busy > MAX_BUSY_SHARE:
        yield Finding(
            host,
            "busy",
            f"other programs used {100 * busy:.0f} % of its CPUs in the last minute",
            "end them (see top), or wait until they are done",
            is_serious=False,
        )
    speed = row["speed_mbit_per_s"]
    if speed is not None and speed < MIN_SPEED_MBIT_PER_S:
        yield Finding(
            host,
            "link",
            f"{row['interface']} runs at {speed} Mbit/s, which may limit the load",
            "use a link of 1 Gbit/s or more",
            is_serious=False,
        )


def _mtus(facts: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Hosts whose MTU is not that of most others: large packets are split, or lost."""
    mtus = {host: row["mtu"] for host, row in facts.items() if row.get("mtu")}
    if len(set(mtus.values())) < 2:
        return
    usual, _ = Counter(mtus.values()).most_common(1)[0]
    for host, mtu in sorted(mtus.items()):
        if mtu != usual:
            yield Finding(
                host,
                "mtu",
                f"its MTU is {mtu}, that of other hosts {usual}",
                f"ip link set dev INTERFACE mtu {usual}",
            )
