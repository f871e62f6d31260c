"""A disk from which a PC's BIOS boots a Linux guest: SYSLINUX, kernel, initramfs, and the guest's root.

| bytes | content |
|---|---|
| 0 | SYSLINUX's MBR code, and a partition table of two entries |
| 512 | partition 1, FAT12: ``syslinux.cfg`` first, so that it ends within 64 KiB; kernel and initramfs |
| the next MiB | partition 2: the root, a squashfs as ``linux_disk`` writes it |
| the end | filled up to 2 MiB |

The kernel's command line stands in ``syslinux.cfg``, whose length never changes, and is replaced in place.
Formats: SYSLINUX's doc/syslinux.txt; the MBR as in ``disk_layout``.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.disk_layout import (
    BOOT_SIGNATURE,
    BOOT_SIGNATURE_AT,
    PARTITION_TABLE_AT,
    PARTITION_TYPE_LINUX,
    SECTOR_BYTES,
    partition_entry,
    rounded_up,
)
from ansible.module_utils.unilab.images.linux.initramfs import DISK_BOOT, initramfs
from ansible.module_utils.unilab.images.linux.initramfs import recipe as initramfs_recipe
from ansible.module_utils.unilab.images.linux.packages import BootParts
from ansible.module_utils.unilab.units import MIB

# Whatever differs between two boots of a disk is in its head.
HEAD_BYTES = 64 << 10
# The kernel takes 2047 bytes and a NUL, as SYSLINUX does (arch/x86/include/asm/setup.h).
COMMAND_LINE_MAX_BYTES = 2047

_CONFIG_BYTES = 4096
_CONFIG_HEAD = (
    b"# unilab: the command line of one boot\nDEFAULT linux\nPROMPT 0\nLABEL linux\n  KERNEL vmlinuz\n"
)
_CONFIG_APPEND = b"  APPEND initrd=initrd "

# 32 KiB a cluster: FAT12 up to 127 MiB, and its tables stay small.
_CLUSTER_SECTORS, _HEADS, _TRACK_SECTORS = 64, 255, 63
_SLACK_BYTES, _ALIGNMENT_BYTES = 1 * MIB, 2 * MIB
# Where Debian and Ubuntu, and Fedora, have it.
_MBR_CODES = (Path("/usr/lib/syslinux/mbr/mbr.bin"), Path("/usr/share/syslinux/mbr.bin"))
_MBR_CODE_BYTES = 440
_FAT12, _ACTIVE = 0x01, 0x80
# No place in cylinders, heads and sectors: whoever reads it takes the sector numbers.
_NO_CHS = b"\xfe\xff\xff", b"\xfe\xff\xff"
# Reserved sectors, FATs, root entries (at 14), sectors of a FAT (at 22); times within a directory entry.
# Microsoft FAT specification (2005), sections 3.1 and 6.
_FAT_LAYOUT_AT, _FAT_SECTORS_AT = 14, 22
_ENTRY_BYTES, _CREATED_AT, _WRITTEN_AT = 32, slice(13, 20), slice(22, 26)


def recipe(parts: BootParts, root: Path) -> dict[str, Any]:
    """All that the disk's content depends on. Raises LabError."""
    return {
        "format": 1,
        "mbr": sha256_of(_mbr_code()),
        "vmlinuz": sha256_of(parts.vmlinuz),
        "initramfs": initramfs_recipe(parts.busybox, parts.modules, DISK_BOOT),
        "root": sha256_of(root),
    }


def write_boot_disk(parts: BootParts, root: Path, path: Path) -> None:
    """Write the disk of ``parts`` and the squashfs ``root`` to ``path``, with an empty command line.

    Raises LabError, OSError.
    """
    with tempfile.TemporaryDirectory(prefix=".boot.", dir=path.parent) as aside:
        files = {
            "syslinux.cfg": _config(path, ""),
            "vmlinuz": parts.vmlinuz.read_bytes(),
            "initrd": initramfs(parts.busybox, parts.modules, DISK_BOOT),
        }
        boot_bytes = sum(len(content) for content in files.values()) + _SLACK_BYTES
        root_at = rounded_up(SECTOR_BYTES + boot_bytes, MIB)
        root_bytes = rounded_up(root.stat().st_size, SECTOR_BYTES)
        with path.open("wb") as disk:
            disk.truncate(rounded_up(root_at + root_bytes, _ALIGNMENT_BYTES))
            disk.write(_mbr(root_at, root_bytes))
            disk.seek(root_at)
            with root.open("rb") as stream:
                shutil.copyfileobj(stream, disk, MIB)
        _write_fat(path, (root_at - SECTOR_BYTES) // SECTOR_BYTES, files, Path(aside))
    with path.open("rb") as disk:
        _find_config(path, disk.read(HEAD_BYTES))


def with_command_line(where: Path, head: bytes, text: str) -> bytes:
    """``head``, the first 64 KiB of a boot disk, with the command line ``text``.

    Raises LabError, naming the disk ``where``, for another disk or a line that is too long.
    """
    at = _find_config(where, head)
    return head[:at] + _config(where, text) + head[at + _CONFIG_BYTES :]


def is_boot_disk(head: bytes) -> bool:
    """Whether ``head``, the first 64 KiB of a disk, are those of a disk that ``write_boot_disk`` made."""
    return _CONFIG_HEAD in head


def _config(where: Path, command_line: str) -> bytes:
    line = os.fsencode(command_line)
    if len(line) > COMMAND_LINE_MAX_BYTES - len("initrd=initrd ") or set(line) & set(b"\0\r\n"):
        raise LabError(
            f"{where}: key cmdline: {len(line)} bytes; Linux takes {COMMAND_LINE_MAX_BYTES}, in one line. "
            "Remedy: shorten the command or its environment."
        )
    return (_CONFIG_HEAD + _CONFIG_APPEND + line + b"\n").ljust(_CONFIG_BYTES, b"\n")


def _find_config(where: Path, head: bytes) -> int:
    at = head.find(_CONFIG_HEAD)
    if at < 0 or at + _CONFIG_BYTES > len(head):
        raise LabError(
            f"{where}: holds no boot loader that reads a command line. Remedy: give a disk that the role "
            "linux_image or osv_image made to boot by itself."
        )
    return at


def _mbr(root_at: int, root_bytes: int) -> bytes:
    first, count = root_at // SECTOR_BYTES, root_bytes // SECTOR_BYTES
    boot = partition_entry(_FAT12, 1, first - 1, _NO_CHS, _ACTIVE)
    root = partition_entry(PARTITION_TYPE_LINUX, first, count, _NO_CHS)
    code = _mbr_code().read_bytes()[:_MBR_CODE_BYTES].ljust(PARTITION_TABLE_AT, b"\0")
    return (code + boot + root).ljust(BOOT_SIGNATURE_AT, b"\0") + BOOT_SIGNATURE


def _mbr_code() -> Path:
    found = next((path for path in _MBR_CODES if path.is_file()), None)
    if found is None:
        raise LabError("SYSLINUX is not installed here. Remedy: install the packages syslinux and mtools.")
    return found


def _write_fat(disk: Path, sectors: int, files: Mapping[str, bytes], aside: Path) -> None:
    for name, content in files.items():
        (aside / name).write_bytes(content)
    place = ("-i", f"{disk}@@{SECTOR_BYTES}")
    geometry = ("-T", str(sectors), "-h", str(_HEADS), "-s", str(_TRACK_SECTORS))
    # The boot sector states that one sector precedes it, and a serial number that is no time.
    run(["mformat", *place, *geometry, "-H", "1", "-c", str(_CLUSTER_SECTORS), "-N", "0", "::"])
    run(["mcopy", *place, *(str(aside / name) for name in files), "::"])
    run(["syslinux", "--install", "--offset", str(SECTOR_BYTES), str(disk)])
    _forget_times(disk)


def _forget_times(disk: Path) -> None:
    """Clear the times in the root directory, so that the same parts give the same bytes."""
    with disk.open("r+b") as stream:
        stream.seek(SECTOR_BYTES)
        boot_sector = stream.read(SECTOR_BYTES)
        reserved, fats, entries = struct.unpack_from("<HBH", boot_sector, _FAT_LAYOUT_AT)
        (fat_sectors,) = struct.unpack_from("<H", boot_sector, _FAT_SECTORS_AT)
        at = SECTOR_BYTES * (1 + reserved + fats * fat_sectors)
        stream.seek(at)
        directory = bytearray(stream.read(entries * _ENTRY_BYTES))
        for start in range(0, len(directory), _ENTRY_BYTES):
            entry = memoryview(directory)[start : start + _ENTRY_BYTES]
            for times in (_CREATED_AT, _WRITTEN_AT):
                entry[times] = bytes(times.stop - times.start)
        stream.seek(at)
        stream.write(directory)
