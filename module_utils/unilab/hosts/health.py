"""What a host states about itself, as far as it can spoil a measurement; judged on the controller."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.units import KIB

_DEFAULT_ROUTE = "00000000"


def health_of(folders: Sequence[str], root: Path = Path("/")) -> dict[str, Any]:
    """Facts of this host; those that its kernel does not state are None, or missing from their mapping.

    Args:
        folders: where free space is asked for; a folder that does not exist counts as its nearest parent.
        root: that holds proc, sys, dev and etc.

    Returns:
        load_1min: mean number of runnable processes of the last minute. governors: of all CPUs.
        memory_available_bytes, swap_used_bytes. free_bytes: folder -> bytes.
        interface: that of the default route; mtu in bytes, speed_mbit_per_s.
        has_kvm: whether /dev/kvm exists. system, release: as /etc/os-release names them.
    """
    memory = meminfo(root / "proc/meminfo")
    interface = _default_interface(root / "proc/net/route")
    card = root / "sys/class/net" / (interface or "none")
    release = os_release(root / "etc/os-release")
    return {
        "cpus": os.cpu_count(),
        "load_1min": float((text_of(root / "proc/loadavg") or "0").split()[0]),
        "governors": sorted(
            {text_of(path) for path in root.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")}
        ),
        "memory_available_bytes": memory.get("MemAvailable"),
        "swap_used_bytes": memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
        "free_bytes": {folder: shutil.disk_usage(_existing(Path(folder))).free for folder in folders},
        "interface": interface,
        "mtu": _number(card / "mtu"),
        "speed_mbit_per_s": _number(card / "speed"),
        "has_kvm": (root / "dev/kvm").exists(),
        "is_root": os.geteuid() == 0,
        "system": release.get("NAME", "unknown").split()[0],
        "release": release.get("VERSION_ID", "unknown"),
        "python": platform.python_version(),
    }


def meminfo(path: Path = Path("/proc/meminfo")) -> dict[str, int]:
    """Fields of /proc/meminfo in bytes; proc_meminfo(5) counts in kB of 1024."""
    rows = (line.split() for line in text_of(path).splitlines())
    return {row[0].rstrip(":"): int(row[1]) * KIB for row in rows if len(row) == 3}


def _default_interface(path: Path) -> str | None:
    """Columns of /proc/net/route: interface, destination, ... in hexadecimal."""
    rows = (line.split() for line in text_of(path).splitlines()[1:])
    return next((row[0] for row in rows if row[1] == _DEFAULT_ROUTE), None)


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """Fields of os-release(5)."""
    pairs = (line.partition("=") for line in text_of(path).splitlines())
    return {name: value.strip('"') for name, _, value in pairs}


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _number(path: Path) -> int | None:
    """A number above 0; an interface without a link states -1, a virtual one nothing."""
    text = text_of(path)
    return int(text) if text.isdecimal() and int(text) > 0 else None


def text_of(path: Path) -> str:
    """Content of a file of the kernel without its line break; "" where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
