"""A guest of QEMU by shell scripts: started, read and ended, by programs in QEMU's and ip's place."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import processes, qemu, qemu_script
from ansible.module_utils.unilab.platforms.base import Instance, LocalHost
from ansible.module_utils.unilab.platforms.qemu_platform import QemuPlatform

BOOT = qemu.Boot(
    accelerator="kvm",
    vcpus=1,
    memory_mib=64,
    kernel=None,
    initrd=None,
    command_line="",
    disk=None,
    disk_writes="refused",
    bridge="br7",
)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance. QEMU prints its arguments and stays; ip logs its arguments and knows one tap device."""
    programs = tmp_path / "bin"
    programs.mkdir()
    tap = tmp_path / "tap"
    for name, script in (
        ("qemu-system-x86_64", 'echo "$@"\nexec sleep 60'),
        (
            "ip",
            f'echo "$@" >> {tmp_path}/ip.log\n'
            f'case "$1 $2" in "link show") [ -e {tap} ] ;; "tuntap add") : > {tap} ;;'
            f' "link delete") rm {tap} ;; esac',
        ),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(qemu.Guest, "qmp_socket", property(lambda self: tmp_path / "qmp"))
    return Instance("instance", directory=tmp_path / "state")


def has_ended(pid: int) -> bool:
    """Also where nobody has waited for it yet."""
    found = processes._state_and_start_ticks(pid)
    return found is None or found[0] in processes._ENDED


def test_guest_is_started_remembered_and_ended(instance: Instance, tmp_path: Path) -> None:
    platform, host = QemuPlatform(), LocalHost()
    assert instance.directory
    platform.prepare(host, instance, BOOT)
    began_s = platform.launch(host, instance, BOOT)
    try:
        pid = processes.running_pid(instance.directory / "pid")
        assert pid is not None and 0 <= time.monotonic() - began_s < 60
        assert platform.runs(host, instance)
        while "-accel kvm" not in platform.console(host, instance):
            assert processes.running_pid(instance.directory / "pid") == pid
        # What was started by a script is known to the module that is not driven.
        assert qemu.running(qemu.Guest("instance", instance.directory)) == pid
    finally:
        assert platform.stop(host, instance)
    assert not instance.directory.exists() and has_ended(pid)
    assert not platform.stop(host, instance)
    tap = qemu.Guest("instance", instance.directory).tap
    asked = (tmp_path / "ip.log").read_text().splitlines()
    assert f"tuntap add dev {tap} mode tap" in asked and f"link set {tap} master br7 up" in asked
    assert f"link delete {tap}" in asked


def test_prepared_guest_takes_the_place_of_one_that_was_left(instance: Instance) -> None:
    platform, host = QemuPlatform(), LocalHost()
    assert instance.directory
    platform.prepare(host, instance, BOOT)
    platform.launch(host, instance, BOOT)
    first = processes.running_pid(instance.directory / "pid")
    platform.prepare(host, instance, BOOT)
    assert first and has_ended(first)
    assert platform.stop(host, instance)


def test_process_with_the_remembered_pid_that_is_another_is_not_ended(instance: Instance) -> None:
    assert instance.directory
    instance.directory.mkdir()
    (instance.directory / "pid").write_text(f"{os.getpid()} 1\n")
    assert QemuPlatform().stop(LocalHost(), instance)


def test_missing_file_is_named(instance: Instance, tmp_path: Path) -> None:
    boot = replace(BOOT, kernel=tmp_path / "no kernel")
    with pytest.raises(LabError, match=r"no kernel does not exist\. Remedy: run the image roles again"):
        QemuPlatform().prepare(LocalHost(), instance, boot)


def test_missing_qemu_is_named(instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "PROGRAM", "qemu-of-nobody")
    with pytest.raises(LabError, match=r"qemu-of-nobody is not installed\. Remedy"):
        QemuPlatform().prepare(LocalHost(), instance, BOOT)


def test_virtual_cpus_are_bound_in_the_background() -> None:
    guest = qemu.Guest("instance", Path("/run/unilab/instance"))
    script = qemu_script.start(guest, replace(BOOT, cpus="1", host_cpus="0"))
    assert "setsid taskset --cpu-list 0 qemu-system-x86_64" in script
    assert "/proc/$pid/task/*" in script and script.rstrip().endswith("&")
    assert "taskset" not in qemu_script.start(guest, BOOT)
