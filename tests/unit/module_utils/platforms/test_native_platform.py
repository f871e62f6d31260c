"""A process without a container: what systemd is asked for, and how caps and memory are read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.base import GivenOutput, Instance, LocalHost
from ansible.module_utils.unilab.platforms.native_platform import NativeBoot, NativePlatform, start_script

from contracts.platforms import PLATFORMS

GROUP = "/sys/fs/cgroup/system.slice/instance.service"
READING = "\n".join(
    [
        "\x1emembership",
        "0::/system.slice/instance.service",
        f"\x1e{GROUP}/cpu.max",
        "150000 100000",
        f"\x1e{GROUP}/cpuset.cpus.effective",
        "1",
        f"\x1e{GROUP}/memory.max",
        "268435456",
        f"\x1e{GROUP}/memory.current",
        "5000000",
        f"\x1e{GROUP}/memory.peak",
        "6000000",
        f"\x1e{GROUP}/memory.stat",
        "anon 1000000",
        "inactive_file 3000000",
        "",
    ]
)
BOOT = NativeBoot(
    image=Path("/images/todos.squashfs"),
    command="/app/server --flag x",
    environment={"UNILAB_NONCE": "abc", "WORDS": "a b"},
    cpus=1.5,
    memory_mib=256,
    cpuset="1",
)


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance("instance", directory=tmp_path / "state")


def asked_of_systemd(instance: Instance, boot: NativeBoot, tmp_path: Path) -> list[str]:
    """The words of systemd-run, by a program in its place."""
    program = tmp_path / "systemd-run"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/asked\n")
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh"],
        input=start_script(instance, boot),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "started"
    return (tmp_path / "asked").read_text().splitlines()


def test_process_gets_its_caps_its_environment_and_its_root(instance: Instance, tmp_path: Path) -> None:
    words = asked_of_systemd(instance, BOOT, tmp_path)
    assert "--unit=instance.service" in words
    properties = dict(
        word.removeprefix("--property=").split("=", 1) for word in words if "--property=" in word
    )
    assert (
        properties.items()
        >= {
            "CPUQuota": "150%",
            "MemoryMax": "268435456",
            "MemorySwapMax": "0",
            "AllowedCPUs": "1",
            "CPUAffinity": "1",
        }.items()
    )
    at = words.index("/usr/bin/env")
    assert words[at:] == [
        *("/usr/bin/env", "-i", "UNILAB_NONCE=abc", "WORDS=a b"),
        *("/usr/sbin/chroot", f"{instance.directory}/root", "/app/server", "--flag", "x"),
    ]


def test_process_that_is_bound_to_no_cpus_keeps_the_hosts(instance: Instance, tmp_path: Path) -> None:
    boot = NativeBoot(BOOT.image, BOOT.command, {}, 1, 64)
    words = " ".join(asked_of_systemd(instance, boot, tmp_path))
    assert "AllowedCPUs" not in words and "CPUAffinity" not in words


def test_caps_and_memory_are_those_of_the_control_group(instance: Instance) -> None:
    platform, host, described = NativePlatform(), GivenOutput(READING), PLATFORMS["native"]
    rows = platform.read_caps(host, instance)
    assert [(row["resource"], row["kind"], row["value"]) for row in rows] == [
        ("cpu", "quota", 1.5),
        ("cpu", "cpuset", "1"),
        ("memory", "limit", 268435456.0),
    ]
    assert all(row["kind"] in described.caps[row["resource"]] for row in rows)
    memory = {row.kind: row.bytes for row in platform.read_memory(host, instance)}
    assert memory == {"cgroup": 5000000, "anonymous": 1000000, "cgroup_peak": 6000000}
    assert tuple(memory) == described.memory_kinds


def test_process_that_does_not_run_is_reported(instance: Instance) -> None:
    platform, host = NativePlatform(), LocalHost()
    absent = Instance("unilab-no-such-unit", directory=instance.directory)
    assert not platform.runs(host, absent)
    with pytest.raises(LabError, match="gone"):
        platform.read_caps(host, absent)
    assert not platform.stop(host, absent)


def test_caps_of_a_running_process_are_fixed(instance: Instance) -> None:
    with pytest.raises(LabError, match="Remedy"):
        NativePlatform().set_caps(LocalHost(), instance, 1, 64, "")


def test_missing_root_file_system_is_named(instance: Instance, tmp_path: Path) -> None:
    boot = NativeBoot(tmp_path / "none.squashfs", "/app/server", {}, 1, 64)
    with pytest.raises(LabError, match=r"none\.squashfs does not exist\. Remedy: run the image roles again"):
        NativePlatform().prepare(LocalHost(), instance, boot)


def test_process_without_directory_is_refused() -> None:
    with pytest.raises(LabError, match="key directory"):
        NativePlatform().runs(LocalHost(), Instance("instance"))
