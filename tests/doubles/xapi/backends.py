"""Backends of the double: each runs VMs in another way. The double calls nothing else.

A VM is identified by its uuid. A backend keeps its own state between calls.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ansible.module_utils.unilab.platforms import qemu

MIB = 1024 * 1024


@dataclass(frozen=True)
class Disk:
    """A disk of a VM: raw file and its place among the VM's disks, "0" the first."""

    path: Path
    userdevice: str
    writable: bool


@dataclass(frozen=True)
class Vif:
    """A network card of a VM; ``bridge`` is the one that its network names."""

    mac: str
    bridge: str
    device: str


@dataclass(frozen=True)
class Hardware:
    """The hardware of a VM at its start. ``params`` are its VCPUs_params: weight, cap, mask."""

    disks: tuple[Disk, ...]
    vifs: tuple[Vif, ...]
    memory_bytes: int
    vcpus: int
    params: Mapping[str, str]


class Backend(Protocol):
    """Runs VMs.

    Attributes:
        accelerator: what runs the virtual CPUs, as records name it: xen, tcg, kvm or none.
        enforces_cap: whether CPU caps are enforced; the double reports it in its host's software_version.
    """

    accelerator: str
    enforces_cap: bool

    def start(self, vm: str, hardware: Hardware) -> None:
        """Start the VM and return at once. Raises Exception with a message where it cannot."""

    def stop(self, vm: str) -> None:
        """End the VM at once, and forget it. Nothing happens where it does not run."""

    def is_running(self, vm: str) -> bool:
        """Whether it runs now: False too when it ended by itself."""

    def memory_bytes(self, vm: str) -> int:
        """Memory that the running VM has been given."""

    def scheduler(self, vm: str) -> dict[str, str]:
        """Weight, cap and mask of the running VM by the scheduler itself; empty where it has none."""


class Nothing:
    """Boots nothing: for tests of calls and faults."""

    accelerator = "none"
    enforces_cap = False

    def __init__(self) -> None:
        self.running: dict[str, int] = {}

    def start(self, vm: str, hardware: Hardware) -> None:
        """Remember it."""
        self.running[vm] = hardware.memory_bytes

    def stop(self, vm: str) -> None:
        """Forget it."""
        self.running.pop(vm, None)

    def is_running(self, vm: str) -> bool:
        """Whether it is remembered."""
        return vm in self.running

    def memory_bytes(self, vm: str) -> int:
        """The memory that it was started with."""
        return self.running[vm]

    def scheduler(self, vm: str) -> dict[str, str]:
        """There is none."""
        return {}


@dataclass(frozen=True)
class _Guest(qemu.Guest):
    """A QEMU guest whose network card has the MAC address of the VIF."""

    address: str = ""

    @property
    def mac(self) -> str:
        return self.address


class Qemu:
    """Boots a VM's first disk in QEMU, its card on a bridge of ``namespace``.

    Disk and card are virtio, not Xen's; CPU caps and weights are stored by the double and not enforced.
    """

    enforces_cap = False

    def __init__(
        self, directory: Path, namespace: str | None, accelerator: str = "tcg", cpus: str = ""
    ) -> None:
        self.accelerator, self._cpus = accelerator, cpus
        self._directory, self._namespace = directory, namespace
        self._guests: dict[str, _Guest] = {}

    def start(self, vm: str, hardware: Hardware) -> None:
        """Boot the disk at place "0"."""
        first = next((disk for disk in hardware.disks if disk.userdevice == "0"), None)
        if first is None or len(hardware.vifs) != 1:
            raise RuntimeError("this backend boots a disk at place 0, with one network card")
        guest = _Guest(f"xapi-{vm}", self._directory / vm, self._namespace, hardware.vifs[0].mac)
        boot = qemu.Boot(
            accelerator=self.accelerator,
            vcpus=hardware.vcpus,
            memory_mib=hardware.memory_bytes // MIB,
            kernel=None,
            initrd=None,
            command_line="",
            disk=first.path,
            disk_writes="kept" if first.writable else "refused",
            bridge=hardware.vifs[0].bridge,
            cpus=self._cpus,
        )
        self._guests[vm] = guest
        qemu.start(guest, boot)

    def stop(self, vm: str) -> None:
        """End QEMU; its console log goes to ``last-console.log``."""
        guest = self._guests.pop(vm, None)
        if guest is None:
            return
        qemu.stop(guest)
        if guest.log.exists():
            shutil.copy(guest.log, self._directory / "last-console.log")
        qemu.destroy(guest)

    def is_running(self, vm: str) -> bool:
        """Whether its QEMU lives."""
        return vm in self._guests and qemu.running(self._guests[vm]) is not None

    def memory_bytes(self, vm: str) -> int:
        """The memory that QEMU itself reports."""
        return int(qemu.describe(self._guests[vm])["memory_bytes"])

    def scheduler(self, vm: str) -> dict[str, str]:
        """QEMU has no scheduler of its own."""
        return {}
