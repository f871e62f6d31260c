"""CPU cap, weight and mask of a guest: VCPUs_params, validated here.

XAPI accepts any text, and Xen's toolstack replaces an invalid value by the default without an error.
XAPI reads the parameters only at VM.start (add_to_VCPUs_params_live always fails). So they are
validated here, set before the start, and read back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible.module_utils.unilab.errors import LabError

# Xen's credit schedulers: xen/common/sched/credit2.c takes a weight of 1 to 65535.
WEIGHT_DEFAULT, WEIGHT_MOST = 256, 65535


def params(cap_percent: int, weight: int, mask: str, vcpus: int) -> dict[str, str]:
    """VCPUs_params in the form that XAPI takes.

    Args:
        cap_percent: most CPU time, in percent of one CPU; 0 for no cap.
        weight: share in competition with other guests; twice the weight, twice the time.
        mask: CPUs that may run it, such as ``0,2`` or ``1-3``; "" for all.

    Raises LabError.
    """
    if not 0 <= cap_percent <= 100 * vcpus:
        raise LabError(
            f"key cap_percent: {cap_percent} is not within 0 (none) and {100 * vcpus}, the time of {vcpus} "
            "vCPUs. Remedy: give percent of one CPU, 50 for half of one."
        )
    if not 1 <= weight <= WEIGHT_MOST:
        raise LabError(
            f"key weight: {weight} is not within 1 and {WEIGHT_MOST}. Remedy: {WEIGHT_DEFAULT} is usual."
        )
    found = {"weight": str(weight), "cap": str(cap_percent)}
    cpus = cpu_list(mask)
    if cpus:
        found["mask"] = ",".join(str(cpu) for cpu in cpus)
    return found


def cpu_list(mask: str) -> list[int]:
    """CPUs of a list such as ``0,2-3``, in ascending order. Raises LabError."""
    cpus: set[int] = set()
    for part in filter(None, mask.replace(" ", "").split(",")):
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not ends or (ends[2] and int(ends[2]) < int(ends[1])):
            raise LabError(
                f"key mask: '{part}' is neither a CPU nor a range of CPUs. Remedy: write 0,2 or 1-3."
            )
        cpus |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return sorted(cpus)


def same(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether ``found`` has the parameters of ``wanted`` and no others."""
    return dict(wanted) == {key: value for key, value in found.items() if value}
