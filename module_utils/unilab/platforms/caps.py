"""Whether the limits that a system states are those that were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from ansible.module_utils.unilab.platforms.base import Cap
from ansible.module_utils.unilab.units import MIB

# The kernel keeps a CPU quota in microseconds of a period of 100 ms.
TOLERANCE_CPUS = 1e-6


def differences(rows: Sequence[Cap], cpus: float, memory_mib: int, cpuset: str = "") -> list[str]:
    """What of ``rows`` does not hold the caps; empty when they hold.

    A CPU cap holds where a quota or a number of vCPUs equals it; memory must be exact, and the CPUs must be
    those of ``cpuset`` where it is not empty.
    """
    faults = []
    found_cpus = _numbers(rows, "cpu", "cpus")
    if not any(abs(value - cpus) < TOLERANCE_CPUS for value in found_cpus):
        faults.append(f"cpus: wanted {cpus:g}, found {_listed(found_cpus)}")
    found_mib = [value / MIB for value in _numbers(rows, "memory", "bytes")]
    if memory_mib not in found_mib:
        faults.append(f"memory: wanted {memory_mib} MiB, found {_listed(found_mib)}")
    bound = [str(row["value"]) for row in rows if row["kind"] == "cpuset"]
    if cpuset and not any(expanded(found) == expanded(cpuset) for found in bound):
        faults.append(f"cpuset: wanted {cpuset}, found {', '.join(bound) or 'none'}")
    return faults


def expanded(cpu_list: str) -> set[int]:
    """The CPUs of a list as taskset(1) and cpuset(7) print it, such as ``0,2-3``."""
    cpus: set[int] = set()
    for part in filter(None, cpu_list.split(",")):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def _numbers(rows: Sequence[Cap], resource: str, unit: str) -> list[float]:
    found = [row["value"] for row in rows if (row["resource"], row["unit"]) == (resource, unit)]
    return [float(value) for value in found]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values) or "no limit"
