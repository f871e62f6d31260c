"""The command line of an OSv disk that boots by itself: read, and replaced in place.

As OSv's ``scripts/imgedit.py setargs`` does, without building the image again: the boot sector loads
63 sectors from byte 512 on, of which OSv keeps 1024 bytes, the closing NUL included. Runs where the
guest runs, so nothing but Python is needed; for a VHD or qcow2, qemu-img reports where the sectors are.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images import qcow2
from ansible.module_utils.unilab.images.disk_layout import (
    BOOT_SIGNATURE,
    BOOT_SIGNATURE_AT,
    PARTITION_ENTRY_BYTES,
    PARTITION_TABLE_AT,
    SECTOR_BYTES,
)

COMMAND_LINE_AT = 512
COMMAND_LINE_SECTORS = 63
COMMAND_LINE_MAX_BYTES = 1023
PARTITION_ENTRY_AT = (
    PARTITION_TABLE_AT + PARTITION_ENTRY_BYTES
)  # the second of four; OSv names it /dev/vblk0.1
OSV_MARK_AT, OSV_MARK = 0x1B8, b"VSO"

_SECTORS_BYTES = COMMAND_LINE_SECTORS * SECTOR_BYTES
_HEAD_BYTES = COMMAND_LINE_AT + _SECTORS_BYTES
# What a file begins with, and QEMU's name of its format.
_FORMATS = {b"conectix": "vpc", qcow2.MAGIC: "qcow2"}


def command_line_sectors(text: str, where: Path) -> bytes:
    """``text`` as its 63 sectors hold it. Raises LabError, naming the disk ``where``, if OSv would cut it."""
    line = os.fsencode(text)
    if len(line) > COMMAND_LINE_MAX_BYTES or b"\0" in line:
        raise LabError(
            f"{where}: key cmdline: {len(line)} bytes; OSv keeps {COMMAND_LINE_MAX_BYTES}, none of them NUL. "
            "Remedy: shorten the command or its environment."
        )
    return line.ljust(_SECTORS_BYTES, b"\0")


def read_command_line(path: Path) -> str:
    """The command line of the boot disk ``path``. Raises LabError where it has none."""
    try:
        with path.open("rb") as disk:
            return _text(_head(path, disk.fileno())[1])
    except OSError as error:
        raise _unreadable(path, error) from None


def set_command_line(path: Path, text: str) -> bool:
    """Make ``text`` the command line of the boot disk ``path``, in place; return whether it was another.

    Raises LabError, before anything is written, where it is too long or the disk has no loader.
    """
    sectors = command_line_sectors(text, path)
    try:
        with path.open("r+b", buffering=0) as disk:
            at, head = _head(path, disk.fileno())
            if head[COMMAND_LINE_AT:] == sectors:
                return False
            os.pwrite(disk.fileno(), sectors, at + COMMAND_LINE_AT)
            os.fsync(disk.fileno())
    except OSError as error:
        raise _unreadable(path, error) from None
    return True


def _head(path: Path, descriptor: int) -> tuple[int, bytes]:
    """Where the guest's first sector is in the file, and all sectors up to the command line's end."""
    at = _start(path, os.pread(descriptor, SECTOR_BYTES, 0))
    head = os.pread(descriptor, _HEAD_BYTES, at)
    if len(head) < _HEAD_BYTES or head[BOOT_SIGNATURE_AT:SECTOR_BYTES] != BOOT_SIGNATURE:
        raise LabError(f"{path}: no disk of OSv. Remedy: give a disk that capstan_image made.")
    (first_sector,) = struct.unpack_from("<I", head, PARTITION_ENTRY_AT + 8)
    if not head.startswith(OSV_MARK, OSV_MARK_AT) or first_sector <= COMMAND_LINE_SECTORS:
        raise LabError(
            f"{path}: holds no loader to read a command line. Remedy: give the command line with the kernel."
        )
    return at, head


def _start(path: Path, first: bytes) -> int:
    """0 for a raw disk; else where qemu-img reports the sectors, side by side."""
    known = [name for magic, name in _FORMATS.items() if first.startswith(magic)]
    if not known:
        return 0
    if known == ["qcow2"] and (foreign := qcow2.problem(path)):
        raise LabError(f"{path}: {foreign[0]}. Remedy: {foreign[1]}.")
    options = ("--output=json", "-f", known[0], "--start-offset=0", f"--max-length={_HEAD_BYTES}")
    extents = json.loads(run(["qemu-img", "map", *options, str(path.resolve())]))
    if not extents or extents[0]["length"] < _HEAD_BYTES or "offset" not in extents[0]:
        raise LabError(
            f"{path}: its first sectors are packed or scattered, so no command line can be put there. "
            "Remedy: convert the disk by `qemu-img convert -O raw`."
        )
    return int(extents[0]["offset"])


def _text(head: bytes) -> str:
    return os.fsdecode(head[COMMAND_LINE_AT:].partition(b"\0")[0])


def _unreadable(path: Path, error: OSError) -> LabError:
    return LabError(
        f"{path}: cannot change its command line: {error.strerror}. Remedy: give a disk that can be written."
    )
