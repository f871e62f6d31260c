"""Reads a ROFS image back, written from the format's description and not from the writer."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass


@dataclass
class RofsReader:
    """``image`` is the bytes of the file system."""

    image: bytes | mmap.mmap

    def __post_init__(self) -> None:
        head = struct.unpack_from("<8Q", self.image)
        assert head[0] == 0xDEADBEAD
        assert head[1:3] == (1, 512)
        first, blocks, entries, links, inodes = head[3:]
        self.data_end = first * 512
        assert len(self.image) == (first + blocks) * 512
        at = first * 512
        self.entries: list[tuple[int, bytes]] = []
        for _ in range(entries):
            inode, length = struct.unpack_from("<QH", self.image, at)
            self.entries.append((inode, self.image[at + 10 : at + 10 + length]))
            at += 10 + length
        self.links: list[bytes] = []
        for _ in range(links):
            (length,) = struct.unpack_from("<H", self.image, at)
            self.links.append(self.image[at + 2 : at + 2 + length])
            at += 2 + length
        self.inodes = [struct.unpack_from("<4Q", self.image, at + 32 * index) for index in range(inodes)]
        assert 0 <= len(self.image) - (at + 32 * inodes) < 512

    def tree(self) -> dict[bytes, bytes | None]:
        """Path -> a file's content, b"-> target" of a symlink, None for a directory."""
        found: dict[bytes, bytes | None] = {}
        waiting = [(1, b"")]
        while waiting:
            number, path = waiting.pop()
            mode, own_number, offset, count = self.inodes[number - 1]
            assert own_number == number
            if mode == 0x8000:
                at, size = self.extent(number)
                found[path] = self.image[at : at + size]
            elif mode == 0xA000:
                assert count == 1
                found[path] = b"-> " + self.links[offset]
            else:
                assert mode == 0x4000
                if path:
                    found[path] = None
                for child, name in self.entries[offset : offset + count]:
                    below = path + b"/" + name if path else name
                    assert below not in found
                    waiting.append((child, below))
        return found

    def extent(self, number: int) -> tuple[int, int]:
        """Where the content of the file with this inode begins, and its size, in bytes."""
        mode, _, block, size = self.inodes[number - 1]
        assert mode == 0x8000
        assert block >= 1
        assert block * 512 + size <= self.data_end
        return block * 512, size
