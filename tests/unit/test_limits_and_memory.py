"""Caps and footprints, from the kernel's files as they really look."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import caps, cgroup, memory


@pytest.fixture
def v2(tmp_path: Path) -> tuple[Path, Path]:
    proc, mount = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "7").mkdir(parents=True)
    (proc / "7/cgroup").write_text("0::/system.slice/docker-x.scope\n")
    group = mount / "system.slice/docker-x.scope"
    group.mkdir(parents=True)
    (group / "cpu.max").write_text("150000 100000\n")
    (group / "memory.max").write_text("268435456\n")
    (group / "memory.current").write_text("5000000\n")
    (group / "memory.peak").write_text("6000000\n")
    (group / "memory.stat").write_text("anon 1000000\nfile 4000000\ninactive_file 3000000\n")
    (group / "cpuset.cpus.effective").write_text("0\n")
    return proc, mount


@pytest.fixture
def v1(tmp_path: Path) -> tuple[Path, Path]:
    proc, mount = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "7").mkdir(parents=True)
    (proc / "7/cgroup").write_text(
        "5:memory:/docker/x\n4:cpuset:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/\n"
    )
    for controller in ("cpu", "memory", "cpuset"):
        (mount / controller / "docker/x").mkdir(parents=True)
    (mount / "cpu/docker/x/cpu.cfs_quota_us").write_text("-1\n")
    (mount / "cpu/docker/x/cpu.cfs_period_us").write_text("100000\n")
    (mount / "cpuset/docker/x/cpuset.cpus").write_text("0-1\n")
    group = mount / "memory/docker/x"
    (group / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (group / "memory.usage_in_bytes").write_text("5000000\n")
    (group / "memory.max_usage_in_bytes").write_text("6000000\n")
    (group / "memory.stat").write_text("total_rss 1000000\ntotal_inactive_file 3000000\n")
    return proc, mount


def group_in(places: tuple[Path, Path]) -> cgroup.Group:
    proc, mount = places
    return cgroup.group_of(7, mount=mount, proc=proc)


def test_limits_are_read_on_cgroup_v2(v2: tuple[Path, Path]) -> None:
    group = group_in(v2)
    quota, limit = cgroup.cpu_quota(group), cgroup.memory_limit(group)
    assert quota and quota.value == 1.5 and quota.source.endswith("cpu.max")
    assert limit and limit.value == 268435456
    assert cgroup.cpus_allowed(group)[0] == "0"


def test_no_limit_is_none_on_cgroup_v1(v1: tuple[Path, Path]) -> None:
    group = group_in(v1)
    assert cgroup.cpu_quota(group) is None and cgroup.memory_limit(group) is None
    assert cgroup.cpus_allowed(group)[0] == "0-1"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_memory_is_told_by_kind(version: str, request: pytest.FixtureRequest) -> None:
    readings = cgroup.memory_in_use(group_in(request.getfixturevalue(version)))
    assert {kind: reading.value for kind, reading in readings.items()} == {
        "cgroup": 5000000,
        "docker_stats": 2000000,
        "anonymous": 1000000,
        "cgroup_peak": 6000000,
    }


def test_a_process_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="gone"):
        cgroup.group_of(1, mount=tmp_path, proc=tmp_path)


def row(resource: str, kind: str, value: float | str, unit: str) -> dict[str, object]:
    return {"resource": resource, "kind": kind, "source": "", "value": value, "unit": unit}


HELD = [row("cpu", "quota", 1.0, "cpus"), row("memory", "limit", 256 * 2**20, "bytes")]


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        (HELD, []),
        ([row("cpu", "vcpus", 1, "cpus"), row("cpu", "cpuset", "0,1", "cpu list"), HELD[1]], []),
        ([HELD[1]], ["cpus: wanted 1, found no limit"]),
        ([HELD[0]], ["memory: wanted 256 MiB, found no limit"]),
        ([row("cpu", "quota", 2.0, "cpus"), HELD[1]], ["cpus: wanted 1, found 2"]),
        ([HELD[0], row("memory", "limit", 2**20, "bytes")], ["memory: wanted 256 MiB, found 1"]),
    ],
)
def test_caps_that_do_not_hold_are_named(rows: list[dict[str, object]], faults: list[str]) -> None:
    assert caps.differences(rows, cpus=1, memory_mib=256) == faults


def test_docker_gets_no_swap_beyond_memory() -> None:
    resources = caps.docker_resources(1.5, 256, "")
    assert resources == {"NanoCpus": 1_500_000_000, "Memory": 268435456, "MemorySwap": 268435456}
    assert caps.docker_resources(1, 1, "0-1")["CpusetCpus"] == "0-1"


SMAPS = """\
7f0000000000-7f0010000000 rw-s 00000000 00:01 1 /memfd:memory-backend-memfd (deleted)
Size:             262144 kB
Rss:               26600 kB
VmFlags: rd wr
7f0010000000-7f0010100000 rw-p 00000000 00:00 0
Rss:                1024 kB
7f0020000000-7f0020100000 rw-s 00000000 00:01 1 /memfd:memory-backend-memfd (deleted)
Rss:                 400 kB
"""


def test_guest_memory_is_the_resident_part_of_its_memfd() -> None:
    assert memory.memfd_resident_bytes(SMAPS) == 27000 * 1024
