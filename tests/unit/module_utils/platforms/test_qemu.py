"""The command line that a guest of QEMU is started with."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.module_utils.unilab.platforms.base import LocalHost
from ansible.module_utils.unilab.platforms.qemu import Boot, Guest, binding_script, command_of

GUEST = Guest("instance", Path("/run/unilab/instance"))
BOOT = Boot(
    accelerator="tcg",
    vcpus=2,
    memory_mib=256,
    kernel=None,
    initrd=None,
    command_line="",
    disk=Path("/disk"),
    disk_writes="refused",
    bridge="br0",
)


def option(command: list[str], name: str) -> str:
    """The value of an option that is given once."""
    (at,) = [index for index, word in enumerate(command) if word == name]
    return command[at + 1]


@pytest.mark.parametrize(("accelerator", "cpu"), [("kvm", "host"), ("tcg", "qemu64")])
def test_cpu_model_fits_the_accelerator(accelerator: str, cpu: str) -> None:
    command = command_of(GUEST, replace(BOOT, accelerator=accelerator))
    assert (option(command, "-accel"), option(command, "-cpu")) == (accelerator, cpu)
    command = command_of(GUEST, replace(BOOT, accelerator=accelerator, cpu_features="+svm,+npt"))
    assert option(command, "-cpu") == f"{cpu},+svm,+npt"


@pytest.mark.parametrize(
    ("writes", "access"),
    [("refused", "readonly=on"), ("kept", "readonly=off,cache=unsafe"), ("discarded", "snapshot=on")],
)
@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "vpc"])
def test_writes_to_the_disk_go_where_they_should(writes: str, access: str, disk_format: str) -> None:
    command = command_of(GUEST, replace(BOOT, disk_writes=writes, disk_format=disk_format))
    backing = ',, "backing": null' if disk_format == "qcow2" else ""
    file = '{"driver": "file",, "filename": "/disk"}'
    disk = f'json:{{"driver": "{disk_format}",, "file": {file}{backing}}}'
    assert option(command, "-drive") == f"file={disk},if=virtio,{access}"


def test_unknown_treatment_of_writes_is_an_error() -> None:
    with pytest.raises(KeyError):
        command_of(GUEST, replace(BOOT, disk_writes="perhaps"))


def test_hardware_is_what_was_asked_for() -> None:
    command = command_of(GUEST, BOOT)
    assert (option(command, "-smp"), option(command, "-m")) == ("2", "256M")
    # The guest's memory is a memfd, from which the footprint is read, and of the same size.
    assert option(command, "-object") == "memory-backend-memfd,id=ram,size=256M,share=on"
    assert option(command, "-machine") == "q35,memory-backend=ram"
    assert option(command_of(GUEST, replace(BOOT, machine="pc")), "-machine") == "pc,memory-backend=ram"
    # A guest that ends by itself ends QEMU too, and only our own devices are there.
    assert {"-no-reboot", "-nodefaults", "-no-user-config"} <= set(command)


def test_kernel_gets_initrd_and_command_line() -> None:
    boot = replace(BOOT, kernel=Path("/kernel"), initrd=Path("/initrd"), command_line="a=b -- /app/x")
    command = command_of(GUEST, boot)
    assert option(command, "-kernel") == "/kernel" and option(command, "-initrd") == "/initrd"
    assert option(command, "-append") == "a=b -- /app/x"


def test_guest_that_boots_from_its_disk_gets_no_kernel() -> None:
    command = command_of(GUEST, replace(BOOT, command_line="ignored"))
    assert not {"-kernel", "-append", "-initrd"} & set(command)
    assert "-drive" not in command_of(GUEST, replace(BOOT, disk=None, kernel=Path("/kernel")))


@pytest.mark.parametrize("vhost", [False, True])
def test_network_card_joins_the_guests_tap(vhost: bool) -> None:
    command = command_of(GUEST, replace(BOOT, vhost=vhost))
    netdev = option(command, "-netdev").split(",")
    assert f"ifname={GUEST.tap}" in netdev and ("vhost=on" in netdev) is vhost
    assert len(GUEST.tap) <= 15
    assert any(f"mac={GUEST.mac}" in word for word in command)


def test_names_give_other_cards_and_sockets() -> None:
    other = Guest("other", Path("/run/unilab/other"))
    assert (other.mac, other.tap, other.qmp_socket) != (GUEST.mac, GUEST.tap, GUEST.qmp_socket)
    # Locally administered and not a group address.
    assert int(GUEST.mac.split(":")[0], 16) & 3 == 2


def test_cpus_of_the_host_bind_all_but_virtual_cpus() -> None:
    command = command_of(GUEST, replace(BOOT, cpus="1", host_cpus="0"))
    assert command[:3] == ["taskset", "--cpu-list", "0"]
    assert option(command, "-name") == "instance,debug-threads=on"


# Threads called as QEMU calls those of virtual CPUs, which appear late.
THREADS = """
import ctypes, sys, threading, time
def virtual_cpu():
    ctypes.CDLL(None).prctl(15, b"CPU 0/KVM", 0, 0, 0)
    time.sleep(120)
time.sleep(0.3)
threading.Thread(target=virtual_cpu, daemon=True).start()
time.sleep(120)
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU is all that this machine gives")
def test_threads_of_virtual_cpus_are_bound_apart_from_the_others() -> None:
    host, instance, *_ = sorted(os.sched_getaffinity(0))
    with subprocess.Popen(["taskset", "--cpu-list", str(host), sys.executable, "-c", THREADS]) as process:
        try:
            LocalHost().shell(binding_script(process.pid, str(instance), str(host)))
            threads = Path(f"/proc/{process.pid}/task").iterdir()
            found = {
                (path / "comm").read_text().strip(): os.sched_getaffinity(int(path.name)) for path in threads
            }
        finally:
            process.kill()
    assert found.pop("CPU 0/KVM") == {instance}
    assert set(map(frozenset, found.values())) == {frozenset({host})}


def test_cpus_and_namespace_bind_the_whole_process() -> None:
    guest = Guest("instance", Path("/run/unilab/instance"), namespace="unilab-switch")
    command = command_of(guest, replace(BOOT, cpus="1-2"))
    assert command[:5] == ["nsenter", "--net=/run/netns/unilab-switch", "taskset", "--cpu-list", "1-2"]
    assert command_of(GUEST, BOOT)[0] == "qemu-system-x86_64"
