"""The disk of an OSv guest: OSv's loader as it came, a ROFS of the tree, and a command line.

Layout: docs/images.md. With a loader image the disk boots by itself. With a kernel ELF it holds the
file system only, and the hypervisor is given the kernel and the command line.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.rofs import write_rofs
from ansible.module_utils.unilab.tree import Entry, artifact_sha256

from contracts.errors import InputError

SECTOR_BYTES = 512
COMMAND_LINE_AT = 512
COMMAND_LINE_SECTORS = 63
COMMAND_LINE_MAX_BYTES = 1023  # OSv keeps 1024 with the closing NUL
PARTITION_ENTRY_AT = 0x1BE + 16  # the second of four; OSv names it /dev/vblk0.1
PARTITION_TYPE_LINUX = 0x83
ROFS_ALIGNMENT_BYTES = 2 << 20
DISK_ALIGNMENT_BYTES = 64 << 10

_SIGNATURE_AT, _SIGNATURE = 510, b"\x55\xaa"
_HEADS, _SECTORS = 255, 63


def loader_kind(path: Path) -> str:
    """Tell what the loader file ``path`` is by its content: kernel, disk or qcow2.

    Raises InputError for anything else.
    """
    remedy = "give OSv's kernel.elf (osv-loader*.elf.*, gunzipped) or its loader image (loader.img)"
    try:
        with path.open("rb") as stream:
            head = stream.read(SECTOR_BYTES)
    except OSError as error:
        raise InputError(path, "loader", f"cannot read it: {error.strerror}", remedy) from None
    if head.startswith(b"\x7fELF"):
        return "kernel"
    if head.startswith(b"QFI\xfb"):
        return "qcow2"
    if head[_SIGNATURE_AT:] == _SIGNATURE:
        return "disk"
    raise InputError(path, "loader", "neither an ELF kernel, a raw boot disk nor a qcow2 image", remedy)


@contextmanager
def raw_loader(path: Path) -> Iterator[tuple[str, Path]]:
    """Give (kind, path) of the loader, kernel or disk, converted aside where it is qcow2.

    Raises InputError, LabError.
    """
    kind = loader_kind(path)
    if kind != "qcow2":
        yield kind, path
        return
    with tempfile.TemporaryDirectory() as aside:
        raw = Path(aside) / "loader.raw"
        run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(path), str(raw)])
        if loader_kind(raw) != "disk":
            raise InputError(path, "loader", "the qcow2 image is no boot disk", "give OSv's loader image")
        yield "disk", raw


def recipe(tree: Path, boot: str, loader_sha256: str, command_line: str) -> dict[str, Any]:
    """All that the disk's content depends on. A kernel given beside the disk is not in it."""
    on_disk = {"loader_sha256": loader_sha256, "command_line": command_line} if boot == "disk" else {}
    return {"format": 1, "artifact_sha256": artifact_sha256(tree), **on_disk}


def write_disk(kind: str, loader: Path, entries: Sequence[Entry], command_line: str, path: Path) -> None:
    """Write the disk of ``entries`` to ``path``; ``kind`` and ``loader`` are as from raw_loader.

    Raises InputError.
    """
    with path.open("w+b") as disk:
        if kind == "disk":
            with loader.open("rb") as source:
                shutil.copyfileobj(source, disk)
            start = -(-disk.tell() // ROFS_ALIGNMENT_BYTES) * ROFS_ALIGNMENT_BYTES
        else:
            disk.write(bytes(_SIGNATURE_AT) + _SIGNATURE)
            start = SECTOR_BYTES
        disk.seek(start)
        length = write_rofs(disk, entries)
        end = start + length
        disk.truncate(-(-end // DISK_ALIGNMENT_BYTES) * DISK_ALIGNMENT_BYTES)
        disk.seek(PARTITION_ENTRY_AT)
        disk.write(_partition(start // SECTOR_BYTES, length // SECTOR_BYTES))
        if kind == "disk":
            _write_command_line(disk, path, command_line)


def set_command_line(path: Path, text: str) -> None:
    """Make ``text`` the command line of the boot disk ``path``, in place.

    Raises InputError where it is too long, or the disk boots by a kernel given beside it.
    """
    with path.open("r+b") as disk:
        disk.seek(PARTITION_ENTRY_AT + 8)
        (first_sector,) = struct.unpack("<I", disk.read(4))
        if first_sector <= COMMAND_LINE_SECTORS:
            raise InputError(
                path, "", "holds no loader to read a command line", "give the command line with the kernel"
            )
        _write_command_line(disk, path, text)


def _write_command_line(disk: IO[bytes], path: Path, text: str) -> None:
    line = text.encode()
    if len(line) > COMMAND_LINE_MAX_BYTES or b"\0" in line:
        raise InputError(
            path,
            "cmdline",
            f"{len(line)} bytes; OSv keeps {COMMAND_LINE_MAX_BYTES}, none of them NUL",
            "shorten the command or its environment",
        )
    disk.seek(COMMAND_LINE_AT)
    disk.write(line.ljust(COMMAND_LINE_SECTORS * SECTOR_BYTES, b"\0"))


def _partition(first: int, count: int) -> bytes:
    start, end = _chs(first), _chs(first + count - 1)
    return b"\0" + start + bytes([PARTITION_TYPE_LINUX]) + end + struct.pack("<II", first, count)


def _chs(sector: int) -> bytes:
    """Cylinder, head, sector as a partition table holds them; 1023/254/63 where they do not fit."""
    cylinder, rest = divmod(sector, _HEADS * _SECTORS)
    head, index = divmod(rest, _SECTORS)
    if cylinder > 1023:
        cylinder, head, index = 1023, _HEADS - 1, _SECTORS - 1
    return bytes([head, (index + 1) | (cylinder >> 2 & 0xC0), cylinder & 0xFF])
