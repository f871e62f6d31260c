"""Whether stated limits hold the wanted ones: exact memory, CPUs within the tolerance."""

from __future__ import annotations

import pytest
from ansible.module_utils.unilab.platforms.base import Cap, cap
from ansible.module_utils.unilab.platforms.caps import TOLERANCE_CPUS, differences

MIB = 1 << 20
MEMORY = cap("memory", "limit", "", 256 * MIB, "bytes")
QUOTA = cap("cpu", "quota", "", 1.0, "cpus")


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([QUOTA, MEMORY], []),
        ([cap("cpu", "vcpus", "", 1, "cpus"), cap("cpu", "cpuset", "", "0,1", "cpu list"), MEMORY], []),
        # One of several limits holds the cap: a guest of two vCPUs, capped at one CPU.
        ([cap("cpu", "vcpus", "", 2, "cpus"), cap("cpu", "cap", "", 1.0, "cpus"), MEMORY], []),
        ([MEMORY], ["cpus: wanted 1, found no limit"]),
        ([cap("cpu", "weight", "", 1, "weight"), MEMORY], ["cpus: wanted 1, found no limit"]),
        ([QUOTA], ["memory: wanted 256 MiB, found no limit"]),
        ([cap("cpu", "quota", "", 2.0, "cpus"), MEMORY], ["cpus: wanted 1, found 2"]),
        ([QUOTA, cap("memory", "limit", "", MIB, "bytes")], ["memory: wanted 256 MiB, found 1"]),
        (
            [QUOTA, cap("memory", "limit", "", 256 * MIB + 4096, "bytes")],
            ["memory: wanted 256 MiB, found 256.004"],
        ),
        ([], ["cpus: wanted 1, found no limit", "memory: wanted 256 MiB, found no limit"]),
    ],
)
def test_differences_name_each_cap_that_does_not_hold(rows: list[Cap], faults: list[str]) -> None:
    assert differences(rows, cpus=1, memory_mib=256) == faults


@pytest.mark.parametrize(
    ("found", "wanted", "faults"),
    [
        ("1", "", []),
        ("0-2", "0,1-2", []),
        ("0-1", "1", ["cpuset: wanted 1, found 0-1"]),
        (None, "1", ["cpuset: wanted 1, found none"]),
    ],
)
def test_cpus_that_an_instance_is_bound_to_are_those_asked_for(
    found: str | None, wanted: str, faults: list[str]
) -> None:
    bound = [] if found is None else [cap("cpu", "cpuset", "", found, "cpu list")]
    assert differences([QUOTA, MEMORY, *bound], cpus=1, memory_mib=256, cpuset=wanted) == faults


@pytest.mark.parametrize(
    ("off_by_cpus", "holds"),
    [
        (0.0, True),
        (TOLERANCE_CPUS / 2, True),
        (-TOLERANCE_CPUS / 2, True),
        (2 * TOLERANCE_CPUS, False),
        (-0.01, False),
    ],
)
def test_cpus_hold_within_the_tolerance(off_by_cpus: float, holds: bool) -> None:
    rows = [cap("cpu", "quota", "", 1.5 + off_by_cpus, "cpus"), MEMORY]
    assert (differences(rows, cpus=1.5, memory_mib=256) == []) is holds
