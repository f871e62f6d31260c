"""Caps and memory of a control group, from the kernel's files as they really look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup
from ansible.module_utils.unilab.platforms.base import LocalHost


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


def read(places: tuple[Path, Path]) -> tuple[cgroup.Files, cgroup.Group]:
    proc, mount = places
    files = cgroup.parse(LocalHost().shell(cgroup.script(7, mount=mount, proc=proc)))
    return files, cgroup.group_of(files, mount)


def test_limits_on_cgroup_v2(v2: tuple[Path, Path]) -> None:
    files, group = read(v2)
    quota, limit = cgroup.cpu_quota(files, group), cgroup.memory_limit(files, group)
    folder = v2[1] / "system.slice/docker-x.scope"
    assert quota == cgroup.Reading(1.5, str(folder / "cpu.max"))
    assert limit == cgroup.Reading(268435456, str(folder / "memory.max"))
    assert cgroup.cpus_allowed(files, group) == ("0", str(folder / "cpuset.cpus.effective"))


def test_no_limits_on_cgroup_v2(v2: tuple[Path, Path]) -> None:
    folder = v2[1] / "system.slice/docker-x.scope"
    (folder / "cpu.max").write_text("max 100000\n")
    (folder / "memory.max").write_text("max\n")
    (folder / "cpuset.cpus.effective").unlink()
    files, group = read(v2)
    assert cgroup.cpu_quota(files, group) is None and cgroup.memory_limit(files, group) is None
    assert cgroup.cpus_allowed(files, group)[0] == ""


def test_no_limits_on_cgroup_v1(v1: tuple[Path, Path]) -> None:
    files, group = read(v1)
    assert cgroup.cpu_quota(files, group) is None and cgroup.memory_limit(files, group) is None
    assert cgroup.cpus_allowed(files, group)[0] == "0-1"


def test_limits_on_cgroup_v1(v1: tuple[Path, Path]) -> None:
    (v1[1] / "cpu/docker/x/cpu.cfs_quota_us").write_text("50000\n")
    (v1[1] / "memory/docker/x/memory.limit_in_bytes").write_text("4096\n")
    files, group = read(v1)
    quota, limit = cgroup.cpu_quota(files, group), cgroup.memory_limit(files, group)
    assert quota and quota.value == 0.5 and limit and limit.value == 4096


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_memory_by_kind(version: str, request: pytest.FixtureRequest) -> None:
    readings = cgroup.memory_in_use(*read(request.getfixturevalue(version)))
    assert {kind: reading.value for kind, reading in readings.items()} == {
        "cgroup": 5000000,
        "docker_stats": 2000000,
        "anonymous": 1000000,
        "cgroup_peak": 6000000,
    }


def test_kernel_without_peak_reports_none(v2: tuple[Path, Path]) -> None:
    (v2[1] / "system.slice/docker-x.scope/memory.peak").unlink()
    assert "cgroup_peak" not in cgroup.memory_in_use(*read(v2))


def test_output_of_a_terminal_is_read_alike(v2: tuple[Path, Path]) -> None:
    """Ansible's raw asks ssh for a terminal, which ends lines with carriage return and line feed."""
    proc, mount = v2
    output = LocalHost().shell(cgroup.script(7, mount=mount, proc=proc))
    assert cgroup.parse(output.replace("\n", "\r\n")) == cgroup.parse(output)


def test_process_that_is_gone_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="gone"):
        cgroup.parse(LocalHost().shell(cgroup.script(7, mount=tmp_path, proc=tmp_path)))


def test_group_that_is_removed_meanwhile_is_reported(v2: tuple[Path, Path]) -> None:
    (v2[1] / "system.slice/docker-x.scope/memory.current").unlink()
    with pytest.raises(LabError, match=r"memory\.current cannot be read"):
        cgroup.memory_in_use(*read(v2))


def test_own_group_is_found() -> None:
    """The real files of this process, whatever version this machine has."""
    files = cgroup.parse(LocalHost().shell(cgroup.script(os.getpid())))
    assert cgroup.group_of(files).memory.is_absolute()
