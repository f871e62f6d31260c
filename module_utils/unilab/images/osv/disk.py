"""The disk of an OSv guest: OSv's loader as it came, a ROFS of the tree, and a command line.

Layout: docs/images.md. With a loader image the disk boots by itself. With a kernel ELF it holds the
file system only, and the hypervisor is given the kernel and the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.images import vhd
from ansible.module_utils.unilab.images.build_cache import Written
from ansible.module_utils.unilab.images.disk_layout import (
    BOOT_SIGNATURE,
    BOOT_SIGNATURE_AT,
    PARTITION_TABLE_AT,
    PARTITION_TYPE_LINUX,
    SECTOR_BYTES,
    partition_entry,
    rounded_up,
)
from ansible.module_utils.unilab.images.osv.command_line import PARTITION_ENTRY_AT, command_line_sectors
from ansible.module_utils.unilab.images.osv.loader import packed_kernel_end
from ansible.module_utils.unilab.images.osv.rofs import Layout, lay_out, write_rofs
from ansible.module_utils.unilab.images.sparse_file import CHUNK_BYTES, SparseWriter
from ansible.module_utils.unilab.images.tree import (
    ARTIFACT,
    artifact_sha256,
    line_of,
    listing_sha256,
    scan,
    sort_lines,
)

from contracts.errors import InputError

ROFS_ALIGNMENT_BYTES = 2 << 20
# Format to what qemu-img is asked for; a raw disk is written by us. force_size: else the size is
# rounded to cylinders.
FORMATS: dict[str, tuple[str, ...]] = {
    "raw": (),
    "vhd": ("-O", "vpc", "-o", "subformat=dynamic,force_size=on"),
    "qcow2": ("-O", "qcow2"),
}
# VHDs consist of blocks of 2 MiB, to which XenServer rounds a disk.
ALIGNMENT_KIB = {"raw": 64, "vhd": 2048, "qcow2": 64}

_HEADS, _SECTORS = 255, 63
_CONVERT_TIMEOUT_S = 1800


@dataclass(frozen=True)
class Disk:
    """What a disk is made of.

    Attributes:
        tree: a staged tree.
        kind: disk or kernel, what ``loader`` is (see osv_loader).
        loader: a raw boot disk; of a kernel, nothing is read.
        command_line: for kind disk.
        format: raw, vhd or qcow2.
        alignment_bytes: what the disk's size is a multiple of.
    """

    tree: Path
    kind: str
    loader: Path
    command_line: str = ""
    format: str = "raw"
    alignment_bytes: int = 64 << 10


def alignment_bytes(kib: int | None, disk_format: str) -> int:
    """``kib`` in bytes, or what suits the format. Raises InputError unless it is a multiple of 64."""
    if kib is None:
        return ALIGNMENT_KIB[disk_format] << 10
    if kib <= 0 or kib % 64:
        raise InputError(
            "capstan_image",
            "alignment_kib",
            f"{kib} is no multiple of 64",
            "give 64, or 2048 for XenServer",
        )
    return kib << 10


def recipe(disk: Disk, loader_sha256: str) -> dict[str, Any]:
    """All that the disk's content depends on. A kernel given beside the disk is not in it.

    Raises InputError where the tree is not a staged one, LabError for a command line that OSv would cut.
    """
    own = {"layout": 2, "format": disk.format, "alignment_bytes": disk.alignment_bytes}
    if disk.kind == "disk":
        command_line_sectors(disk.command_line, disk.tree)
        own |= {"loader_sha256": loader_sha256, "command_line": disk.command_line}
    return own | {"artifact_sha256": artifact_sha256(disk.tree)}


def write_disk(disk: Disk, path: Path) -> Written:
    """Write the disk to the new file ``path``; facts: virtual_bytes, and the tree's listing (tree.py).

    Raises InputError, LabError, and OSError where ``path`` cannot be written.
    """
    if disk.format == "raw":
        return _write_raw(disk, path)
    raw = path.with_name(path.name + ".raw")
    try:
        written = _write_raw(disk, raw)
        options = FORMATS[disk.format]
        run(
            ["qemu-img", "convert", "-f", "raw", *options, str(raw.resolve()), str(path.resolve())],
            _CONVERT_TIMEOUT_S,
        )
    finally:
        raw.unlink(missing_ok=True)
    if disk.format == "vhd":
        vhd.settle(path, str(written.sha256))
    return Written(None, written.facts)


def _write_raw(disk: Disk, path: Path) -> Written:
    layout = lay_out(scan(disk.tree))
    loader_end = packed_kernel_end(disk.loader) if disk.kind == "disk" else SECTOR_BYTES
    start = rounded_up(loader_end, ROFS_ALIGNMENT_BYTES) if disk.kind == "disk" else SECTOR_BYTES
    lines: list[str] = []
    with path.open("wb", buffering=CHUNK_BYTES) as stream:
        sink = SparseWriter(stream)
        if disk.kind == "disk":
            _write_loader(sink, disk, loader_end, _partition(start, layout))
        else:
            sink.write(_boot_sector(bytes(SECTOR_BYTES), _partition(start, layout)))
        sink.zeros(start - sink.length)
        for entry, content_sha256 in write_rofs(sink, layout, scan(disk.tree)):
            if entry.path != ARTIFACT:
                lines.append(line_of(entry, content_sha256))
        sink.zeros(rounded_up(sink.length, disk.alignment_bytes) - sink.length)
        sha256 = sink.finish()
    sort_lines(lines)
    if listing_sha256(lines) != artifact_sha256(disk.tree):
        raise InputError(
            disk.tree,
            "",
            "not what was staged: files were changed, added or removed since",
            "run the role service_tree again",
        )
    return Written(sha256, {"virtual_bytes": sink.length, "listing": lines})


def _write_loader(sink: SparseWriter, disk: Disk, loader_end: int, partition: bytes) -> None:
    with disk.loader.open("rb") as loader:
        sink.write(_boot_sector(loader.read(SECTOR_BYTES), partition))
        sink.write(command_line_sectors(disk.command_line, disk.loader))
        loader.seek(sink.length)
        while piece := loader.read(min(CHUNK_BYTES, loader_end - sink.length)):
            sink.write(piece)
    if sink.length != loader_end:
        raise InputError(disk.loader, "loader", "changed while it was copied", "run again once it is at rest")


def _boot_sector(sector: bytes, partition: bytes) -> bytes:
    """``sector`` with a partition table that holds ``partition`` only."""
    before = sector[:PARTITION_TABLE_AT].ljust(PARTITION_ENTRY_AT, b"\0")
    return (before + partition).ljust(BOOT_SIGNATURE_AT, b"\0") + BOOT_SIGNATURE


def _partition(start_bytes: int, layout: Layout) -> bytes:
    first, count = start_bytes // SECTOR_BYTES, layout.length_bytes // SECTOR_BYTES
    ends = _chs(first), _chs(first + count - 1)
    return partition_entry(PARTITION_TYPE_LINUX, first, count, ends)


def _chs(sector: int) -> bytes:
    """Cylinder, head, sector as a partition table holds them; 1023/254/63 where they do not fit."""
    cylinder, rest = divmod(sector, _HEADS * _SECTORS)
    head, index = divmod(rest, _SECTORS)
    if cylinder > 1023:
        cylinder, head, index = 1023, _HEADS - 1, _SECTORS - 1
    return bytes([head, (index + 1) | (cylinder >> 2 & 0xC0), cylinder & 0xFF])
