"""OSv's read-only file system (ROFS), written in one pass.

Format, from OSv's fs/rofs/rofs.hh and scripts/gen-rofs-img.py; all numbers little-endian:
one super block; the files' data, each file from a new block on; the structure area, which holds
directory entries (u64 inode, u16 length, name), symlinks (u16 length, target) and inodes (four u64:
mode, number, offset, count). Names are counted in bytes. There are no permissions and no times.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ansible.module_utils.unilab.tree import Entry

from contracts.errors import InputError

BLOCK_BYTES = 512
MAGIC = 0xDEADBEAD
VERSION = 1
MODES = {"directory": 0x4000, "file": 0x8000, "symlink": 0xA000}
_ROOT_INODE = 1


@dataclass
class _Layout:
    """The structure area while it grows."""

    next_block: int = 1
    directory_entries: list[bytes] = field(default_factory=list)
    symlinks: list[bytes] = field(default_factory=list)
    inodes: dict[int, bytes] = field(default_factory=dict)
    files: list[Entry] = field(default_factory=list)

    def structure(self) -> bytes:
        """The area as it lies on disk, padded to whole blocks."""
        inodes = [self.inodes[number] for number in sorted(self.inodes)]
        area = b"".join([*self.directory_entries, *self.symlinks, *inodes])
        return area + bytes(-len(area) % BLOCK_BYTES)


def write_rofs(stream: IO[bytes], entries: Sequence[Entry]) -> int:
    """Write the file system of ``entries``, which are sorted, to ``stream``.

    Returns its length in bytes, a multiple of 512. Raises InputError where a file changes meanwhile
    or a name is too long for the format.
    """
    layout = _lay_out(entries)
    structure = layout.structure()
    blocks = len(structure) // BLOCK_BYTES
    counts = (len(layout.directory_entries), len(layout.symlinks), len(layout.inodes))
    head = struct.pack("<8Q", MAGIC, VERSION, BLOCK_BYTES, layout.next_block, blocks, *counts)
    stream.write(head.ljust(BLOCK_BYTES, b"\0"))
    for entry in layout.files:
        _copy(stream, entry)
    stream.write(structure)
    return (layout.next_block + blocks) * BLOCK_BYTES


def _lay_out(entries: Sequence[Entry]) -> _Layout:
    children: dict[str, list[Entry]] = {"": []}
    numbers = {"": _ROOT_INODE}
    for entry in entries:
        children[entry.path.rpartition("/")[0]].append(entry)
        if entry.kind == "directory":
            children[entry.path] = []
        numbers[entry.path] = len(numbers) + 1
    layout = _Layout()
    _add_directory(layout, "", children, numbers)
    return layout


def _add_directory(
    layout: _Layout, path: str, children: dict[str, list[Entry]], numbers: dict[str, int]
) -> None:
    # Folders within come first, so that this folder's own entries end up side by side.
    for child in children[path]:
        if child.kind == "directory":
            _add_directory(layout, child.path, children, numbers)
        else:
            _add_leaf(layout, child, numbers[child.path])
    first = len(layout.directory_entries)
    for child in children[path]:
        name = _counted(os.fsencode(child.path.rpartition("/")[2]), child)
        layout.directory_entries.append(struct.pack("<Q", numbers[child.path]) + name)
    _add_inode(layout, "directory", numbers[path], first, len(children[path]))


def _add_leaf(layout: _Layout, entry: Entry, number: int) -> None:
    if entry.kind == "symlink":
        _add_inode(layout, "symlink", number, len(layout.symlinks), 1)
        layout.symlinks.append(_counted(os.fsencode(entry.target), entry))
        return
    _add_inode(layout, "file", number, layout.next_block, entry.size_bytes)
    layout.files.append(entry)
    layout.next_block += -(-entry.size_bytes // BLOCK_BYTES)


def _add_inode(layout: _Layout, kind: str, number: int, offset: int, count: int) -> None:
    layout.inodes[number] = struct.pack("<4Q", MODES[kind], number, offset, count)


def _counted(text: bytes, entry: Entry) -> bytes:
    if len(text) > 0xFFFF:
        raise InputError(entry.source, "", "name or target is over 65535 bytes", "shorten it")
    return struct.pack("<H", len(text)) + text


def _copy(stream: IO[bytes], entry: Entry) -> None:
    copied = 0
    with Path(entry.source).open("rb") as content:
        while block := content.read(1 << 20):
            copied += len(block)
            stream.write(block)
    if copied != entry.size_bytes:
        raise InputError(entry.source, "", "changed while it was copied", "run again once it is at rest")
    stream.write(bytes(-copied % BLOCK_BYTES))
