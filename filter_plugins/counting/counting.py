"""Filters that connect the counting of instructions to a trial; docs/counting.md explains the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from contracts.errors import InputError
from contracts.work.kernel_ranges import LINUX_KERNEL_RANGE, KernelRanges, elf_beside, kernel_ranges
from contracts.work.step import PERF_MODE

# What a counted guest runs, by runtime: what belongs to "application" and to "kernel".
INCLUDES = {
    "docker": (
        "application: the service, the container engine and its proxy, the host's system services; "
        "kernel: the container host's Linux"
    ),
    "native": (
        "application: the service, the container engine, the host's system services; kernel: the host's Linux"
    ),
    "linux": "application: the service; kernel: the guest's Linux",
    "osv": "application: the service and its libraries; kernel: OSv with the C library in it",
    "prebuilt": "application: code outside the kernel's file; kernel: code of the kernel's file",
}
SERVER = (
    "application: QEMU's device model and the server's system services; kernel: the server's Linux with KVM"
)
# Under KVM, by perf.
RINGS = (
    "guest_application: the guest outside of ring 0; guest_kernel: the guest in ring 0; "
    "only instructions where the guest runs its application in ring 0"
)
PROCESS = "application: QEMU's device model; kernel: the host's Linux with KVM, for QEMU's process"


def osv_ranges(loader: str) -> dict[str, list[str]]:
    """Addresses of OSv's kernel and idle loop: of the ELF file ``loader``, or of the one beside the image."""
    path = Path(loader)
    try:
        with path.open("rb") as stream:
            is_elf = stream.read(4) == b"\x7fELF"
        elf = path if is_elf else elf_beside(path)
        found = kernel_ranges(elf) if elf else KernelRanges()
    except (OSError, InputError) as error:
        raise AnsibleFilterError(str(error)) from None
    return {"kernel": list(found.kernel), "idle": list(found.idle)}


def counting_options(
    counter: Mapping[str, Any] | None, runtime: str, image: Mapping[str, Any], study: Mapping[str, Any]
) -> dict[str, Any]:
    """The option ``counting`` of qemu_guest: empty ``plugin`` where nothing is to be counted."""
    wanted = bool(counter) and not study.get("without_counts")
    ranges = (
        {"kernel": [LINUX_KERNEL_RANGE], "idle": []} if runtime == "linux" else image.get("counting") or {}
    )
    return {
        "plugin": counter["plugin"] if counter and wanted else "",
        "kernel": ranges.get("kernel", []),
        "idle": ranges.get("idle", []),
    }


def server_counting_options(counter: Mapping[str, Any] | None, osv_loader: str) -> dict[str, Any]:
    """The option ``counting`` of qemu_guest for a server that runs guests of Linux, and of OSv."""
    guests = osv_ranges(osv_loader)["kernel"] if osv_loader else []
    return {
        "plugin": counter["plugin"] if counter else "",
        "kernel": [LINUX_KERNEL_RANGE],
        "guest_kernel": [LINUX_KERNEL_RANGE, *guests],
    }


def epoch_ns(time: str) -> int:
    """An ISO 8601 time with its zone as CLOCK_REALTIME, in ns."""
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise AnsibleFilterError(f"{time} has no time zone. Remedy: add one, such as +00:00.")
    return round(moment.timestamp() * 1_000_000) * 1000


def counted_includes(runtime: str, scope: str = "guest", mode: str = "") -> str:
    """What is counted in a trial of this runtime: its own guest, or the server (``machine``) that runs it.

    ``mode`` is that of module work_series: perf counts rings of the guest, and QEMU's process.
    """
    if mode == PERF_MODE:
        return (
            f"{'guest_kernel: the service and OSv, both in ring 0' if runtime == 'osv' else RINGS}; {PROCESS}"
        )
    if scope == "machine" and runtime not in ("docker", "native"):
        return f"guest_{INCLUDES[runtime].replace('kernel:', 'guest_kernel:')}; {SERVER}"
    return INCLUDES[runtime]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "osv_ranges": osv_ranges,
            "counting_options": counting_options,
            "counted_includes": counted_includes,
            "epoch_ns": epoch_ns,
            "server_counting_options": server_counting_options,
        }
