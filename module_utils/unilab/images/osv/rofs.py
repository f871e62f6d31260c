"""OSv's read-only file system (ROFS): laid out first, then written from its start to its end.

Format, from OSv's fs/rofs/rofs.hh and scripts/gen-rofs-img.py; all numbers little-endian:
one super block; the files' data, each file from a new block on; the structure area, which holds
directory entries (u64 inode, u16 length, name), symlinks (u16 length, target) and inodes (four u64:
mode, number, offset, count). Names are counted in bytes. There are no permissions and no times.

Both passes take entries as ``tree.scan`` gives them, so that no more than the structure area has to
be held: the super block states where that area begins, and the area follows the data.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ansible.module_utils.unilab.images.sparse_file import CHUNK_BYTES, SparseWriter, data_extents, hash_zeros
from ansible.module_utils.unilab.images.tree import Entry

from contracts.errors import InputError

BLOCK_BYTES = 512
MAGIC = 0xDEADBEAD
VERSION = 1
MODES = {"directory": 0x4000, "file": 0x8000, "symlink": 0xA000}
# OSv's include/api/limits.h: NAME_MAX, and PATH_MAX without its closing NUL.
NAME_MAX_BYTES = 255
PATH_MAX_BYTES = 4095

_ROOT_INODE = 1
_INODE = struct.Struct("<4Q")


@dataclass
class Layout:
    """Where everything will be; ``lay_out`` makes it."""

    next_block: int = 1
    directory_entries: bytearray = field(default_factory=bytearray)
    directory_entry_count: int = 0
    symlinks: bytearray = field(default_factory=bytearray)
    symlink_count: int = 0
    inodes: bytearray = field(default_factory=bytearray)

    @property
    def inode_count(self) -> int:
        """Inodes so far, which are numbered from 1."""
        return len(self.inodes) // _INODE.size

    @property
    def structure_blocks(self) -> int:
        """Length of the structure area in blocks."""
        return _blocks(len(self.directory_entries) + len(self.symlinks) + len(self.inodes))

    @property
    def length_bytes(self) -> int:
        """Length of the file system, a multiple of 512."""
        return (self.next_block + self.structure_blocks) * BLOCK_BYTES

    def super_block(self) -> bytes:
        """The first block."""
        counts = (self.directory_entry_count, self.symlink_count, self.inode_count)
        head = (MAGIC, VERSION, BLOCK_BYTES, self.next_block, self.structure_blocks, *counts)
        return struct.pack("<8Q", *head).ljust(BLOCK_BYTES, b"\0")

    def structure(self) -> Iterator[bytearray | bytes]:
        """The structure area, in pieces."""
        yield self.directory_entries
        yield self.symlinks
        yield self.inodes
        length = len(self.directory_entries) + len(self.symlinks) + len(self.inodes)
        yield bytes(-length % BLOCK_BYTES)


@dataclass
class _Folder:
    """A folder whose entries are still coming."""

    path: str
    inode: int
    entries: bytearray = field(default_factory=bytearray)
    count: int = 0


def lay_out(entries: Iterable[Entry]) -> Layout:
    """The layout of ``entries``, each folder's right behind it; no content is read.

    Raises InputError where a name, a target or a path is longer than OSv takes.
    """
    layout = Layout()
    _add_inode(layout, "directory", 0, 0)
    open_folders = [_Folder("", _ROOT_INODE)]
    for entry in entries:
        parent, _, name = entry.path.rpartition("/")
        while open_folders[-1].path != parent:
            _close(layout, open_folders.pop())
        _check_length(entry, "its path", len(os.fsencode(entry.path)) + 1, PATH_MAX_BYTES)
        folder, inode = open_folders[-1], layout.inode_count + 1
        counted = _counted(entry, "its name", os.fsencode(name), NAME_MAX_BYTES)
        folder.entries += struct.pack("<Q", inode) + counted
        folder.count += 1
        if entry.kind == "directory":
            _add_inode(layout, "directory", 0, 0)
            open_folders.append(_Folder(entry.path, inode))
        elif entry.kind == "symlink":
            _add_inode(layout, "symlink", layout.symlink_count, 1)
            layout.symlinks += _counted(entry, "its target", os.fsencode(entry.target), PATH_MAX_BYTES)
            layout.symlink_count += 1
        else:
            _add_inode(layout, "file", layout.next_block, entry.size_bytes)
            layout.next_block += _blocks(entry.size_bytes)
    while open_folders:
        _close(layout, open_folders.pop())
    return layout


def write_rofs(sink: SparseWriter, layout: Layout, entries: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
    """Write the file system of the ``entries`` that ``layout`` was made of to ``sink``.

    Gives each entry once it is written, with the sha256 of a file's content, else "". Raises
    InputError where anything is not as it was when it was laid out.
    """
    began = sink.length
    sink.write(layout.super_block())
    buffer = memoryview(bytearray(CHUNK_BYTES))
    for number, entry in enumerate(entries, _ROOT_INODE + 1):
        if entry.kind != "file":
            yield entry, ""
            continue
        expected = began + _first_block(layout, number, entry) * BLOCK_BYTES
        if sink.length != expected:
            raise _changed(entry)
        content_sha256 = _copy(sink, entry, buffer)
        sink.zeros(-entry.size_bytes % BLOCK_BYTES)
        yield entry, content_sha256
    if sink.length != began + layout.next_block * BLOCK_BYTES:
        raise InputError("the tree", "", "changed while it was packed", "run again once it is at rest")
    for piece in layout.structure():
        for start in range(0, len(piece), CHUNK_BYTES):
            sink.write(memoryview(piece)[start : start + CHUNK_BYTES])


def _first_block(layout: Layout, inode: int, entry: Entry) -> int:
    if inode > layout.inode_count:
        raise _changed(entry)
    mode, _, offset, size_bytes = _INODE.unpack_from(layout.inodes, (inode - 1) * _INODE.size)
    if (mode, size_bytes) != (MODES["file"], entry.size_bytes):
        raise _changed(entry)
    return int(offset)


def _copy(sink: SparseWriter, entry: Entry, buffer: memoryview) -> str:
    digest, at = hashlib.sha256(), 0
    try:
        with entry.source.open("rb", buffering=0) as content:
            descriptor = content.fileno()
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode) or before.st_size != entry.size_bytes:
                raise _changed(entry)
            for start, end in data_extents(descriptor, entry.size_bytes):
                hash_zeros(digest, start - at)
                sink.zeros(start - at)
                for piece in _pieces(descriptor, start, end, buffer, entry):
                    digest.update(piece)
                    sink.write(piece)
                at = end
            after = os.fstat(descriptor)
    except OSError as error:
        if error.filename is None:
            raise  # the disk's own trouble, not this file's
        raise InputError(
            entry.source, "", f"cannot read it: {error.strerror}", "make it readable, and run again"
        ) from None
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _changed(entry)
    hash_zeros(digest, entry.size_bytes - at)
    sink.zeros(entry.size_bytes - at)
    return digest.hexdigest()


def _pieces(descriptor: int, start: int, end: int, buffer: memoryview, entry: Entry) -> Iterator[memoryview]:
    while start < end:
        got = os.preadv(descriptor, [buffer[: end - start]], start)
        if got == 0:
            raise _changed(entry)
        yield buffer[:got]
        start += got


def _close(layout: Layout, folder: _Folder) -> None:
    # Folders within are closed before, so that a folder's own entries end up side by side.
    where = (folder.inode - 1) * _INODE.size
    head = (MODES["directory"], folder.inode, layout.directory_entry_count, folder.count)
    _INODE.pack_into(layout.inodes, where, *head)
    layout.directory_entries += folder.entries
    layout.directory_entry_count += folder.count


def _add_inode(layout: Layout, kind: str, offset: int, count: int) -> None:
    layout.inodes += _INODE.pack(MODES[kind], layout.inode_count + 1, offset, count)


def _counted(entry: Entry, what: str, text: bytes, most_bytes: int) -> bytes:
    _check_length(entry, what, len(text), most_bytes)
    return struct.pack("<H", len(text)) + text


def _check_length(entry: Entry, what: str, length: int, most_bytes: int) -> None:
    if length > most_bytes:
        raise InputError(entry.source, "", f"{what} has {length} bytes; OSv takes {most_bytes}", "shorten it")


def _blocks(length_bytes: int) -> int:
    return -(-length_bytes // BLOCK_BYTES)


def _changed(entry: Entry) -> InputError:
    return InputError(entry.source, "", "changed while it was packed", "run again once it is at rest")
