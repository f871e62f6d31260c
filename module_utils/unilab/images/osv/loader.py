"""OSv's loader, detected from its content and checked: a kernel ELF, or a boot disk, raw or qcow2.

Boot disk (OSv's ``arch/x64/boot16.S`` and Makefile): the boot sector with "VSO" at 0x1B8, at 0x10 the
length of the packed kernel in units of 32 KiB, and from 64 KiB on the packed kernel, itself an ELF
file. Kernel: an x86-64 ELF with the note by which QEMU finds the PVH entry (Xen's ``elfnote.h``,
XEN_ELFNOTE_PHYS32_ENTRY); its multiboot header does not count, QEMU takes no 64-bit ELF by that.
"""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images import qcow2
from ansible.module_utils.unilab.images.disk_layout import BOOT_SIGNATURE, BOOT_SIGNATURE_AT, SECTOR_BYTES
from ansible.module_utils.unilab.images.osv.command_line import OSV_MARK, OSV_MARK_AT

from contracts.errors import InputError

PACKED_KERNEL_AT = 64 << 10

_UNITS_AT, _UNIT_BYTES = 0x10, 32 << 10
# elf(5): the header of a 64-bit file, a segment's, a note's.
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_NOTE = struct.Struct("<III")
_LITTLE_64_BIT, _X86_64, _NOTES, _PVH_NOTE = b"\x02\x01", 62, 4, 18
_REMEDY = "give OSv's kernel (loader.elf, kernel.elf) or its loader image (loader.img, osv-loader.qemu)"
_OTHERS = {
    b"\x1f\x8b": ("packed by gzip", "gunzip it first"),
    b"\xfd7zXZ\0": ("packed by xz", "unpack it first, by `xz -d`"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "unpack it first, by `zstd -d`"),
    b"conectix": ("a VHD", "convert it by `qemu-img convert -O raw`"),
    b"KDMV": ("a VMDK", "convert it by `qemu-img convert -O raw`"),
}


def loader_kind(path: Path) -> str:
    """Detect from its content what the loader file ``path`` is: kernel, disk or qcow2.

    Raises InputError for anything else, and for a kernel or disk that is not whole.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(2 * SECTOR_BYTES)
            if qcow2.is_qcow2(head):
                if foreign := qcow2.problem(path):
                    raise _error(path, *foreign)
                return "qcow2"
            if head.startswith(b"\x7fELF"):
                _check_kernel(path, stream)
                return "kernel"
            if head[BOOT_SIGNATURE_AT:SECTOR_BYTES] == BOOT_SIGNATURE:
                packed_kernel_end(path)
                return "disk"
    except OSError as error:
        raise _error(path, f"cannot read it: {error.strerror}") from None
    for magic, (what, remedy) in _OTHERS.items():
        if head.startswith(magic):
            raise _error(path, f"{what}, neither an ELF kernel, a raw boot disk nor a qcow2 image", remedy)
    raise _error(path, "neither an ELF kernel, a raw boot disk nor a qcow2 image")


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
        raw = Path(aside) / path.name
        _check_qcow2(path)
        try:
            run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(path.resolve()), str(raw)])
        except LabError as error:
            raise _error(path, f"a qcow2 image that cannot be read: {error}") from None
        if loader_kind(raw) != "disk":
            raise _error(path, "the qcow2 image is no boot disk")
        yield "disk", raw


def packed_kernel_end(path: Path) -> int:
    """Where the loader ends in the raw boot disk ``path``, in bytes; what follows is no part of it.

    Raises InputError where the disk is not OSv's, or not whole.
    """
    with path.open("rb") as stream:
        head = stream.read(2 * SECTOR_BYTES)
        stream.seek(PACKED_KERNEL_AT)
        magic = stream.read(4)
        length = path.stat().st_size
    if head.startswith(b"HdrS", 0x202):
        raise _error(path, "a Linux boot image (bzImage), not OSv's loader image")
    if not head.startswith(OSV_MARK, OSV_MARK_AT):
        raise _error(path, "a boot disk, but not OSv's: no 'VSO' in its boot sector")
    (units,) = struct.unpack_from("<H", head, _UNITS_AT)
    end = PACKED_KERNEL_AT + units * _UNIT_BYTES
    if length < end:
        raise _truncated(path, length, end)
    if not units or magic != b"\x7fELF":
        raise _error(path, f"holds no packed kernel at byte {PACKED_KERNEL_AT}")
    return end


def _check_kernel(path: Path, stream: IO[bytes]) -> None:
    length = path.stat().st_size
    header = _piece(path, stream, 0, _HEADER.size, length)
    ident, _, machine, _, _, segments_at, sections_at, _, _, size, segments, section_size, sections, _ = (
        _HEADER.unpack(header)
    )
    if (ident[4:6], machine) != (_LITTLE_64_BIT, _X86_64):
        raise _error(path, f"an ELF file for another machine ({machine}), not x86-64 (62)")
    _piece(path, stream, sections_at, sections * section_size, length)
    table = _piece(path, stream, segments_at, segments * size, length)
    if segments and size != _SEGMENT.size:
        raise _error(path, "a damaged ELF file")
    has_entry = False
    for kind, _, offset, _, _, file_size, _, _ in _SEGMENT.iter_unpack(table):
        content = _piece(path, stream, offset, file_size if kind == _NOTES else 0, length)
        if offset + file_size > length:
            raise _truncated(path, length, offset + file_size)
        has_entry |= kind == _NOTES and _has_pvh_entry(content)
    if not has_entry:
        raise _error(path, "an ELF file without a PVH entry, so no kernel that a hypervisor can start")


def _piece(path: Path, stream: IO[bytes], at: int, size: int, length: int) -> bytes:
    if at + size > length:
        raise _truncated(path, length, at + size)
    stream.seek(at)
    return stream.read(size)


def _has_pvh_entry(notes: bytes) -> bool:
    """Whether there is the PVH note among ``notes``, each padded to four bytes (elf(5))."""
    at = 0
    while at + _NOTE.size <= len(notes):
        name_size, content_size, kind = _NOTE.unpack_from(notes, at)
        name = notes[at + _NOTE.size :][:name_size]
        if (name, kind) == (b"Xen\0", _PVH_NOTE):
            return True
        at += _NOTE.size + (name_size + 3 & ~3) + (content_size + 3 & ~3)
    return False


def _check_qcow2(path: Path) -> None:
    # qemu-img reads zeros behind the end of a file that was cut off.
    said = run(["qemu-img", "map", "--output=json", "-f", "qcow2", str(path.resolve())])
    end = max((part["offset"] + part["length"] for part in json.loads(said) if "offset" in part), default=0)
    length = path.stat().st_size
    if length < end:
        raise _truncated(path, length, end)


def _truncated(path: Path, length: int, end: int) -> InputError:
    return _error(path, f"truncated: {length} bytes of at least {end}", "copy or download it again")


def _error(path: Path, problem: str, remedy: str = _REMEDY) -> InputError:
    return InputError(path, "loader", problem, remedy)
