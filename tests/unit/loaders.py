"""Files that stand for OSv's loader in tests: the right marks, and no kernel."""

from __future__ import annotations

import struct
from pathlib import Path

UNITS = 90
IMAGE_BYTES = 65536 + UNITS * 32768


def image(path: Path) -> Path:
    """A raw boot disk with OSv's marks and a packed kernel of noise."""
    content = bytearray((bytes(range(251)) * (IMAGE_BYTES // 251 + 1))[:IMAGE_BYTES])
    content[16:18] = struct.pack("<H", UNITS)
    content[0x1B8:0x1BB] = b"VSO"
    content[0x1BE:510] = bytes(64)
    content[510:512] = b"\x55\xaa"
    content[65536:65540] = b"\x7fELF"
    path.write_bytes(content)
    return path


def kernel(path: Path, machine: int = 62, owner: bytes = b"Xen\0", note_type: int = 18) -> Path:
    """An ELF file with one note and, at its end, a section header."""
    note = struct.pack("<III", len(owner), 8, note_type) + owner + struct.pack("<Q", 0x200000)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    note_at, sections_at = 64 + 56, 4096
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x200000, 64, sections_at, 0, 64, 56, 1, 64, 1, 0)
    segment = struct.pack("<IIQQQQQQ", 4, 4, note_at, 0, 0, len(note), len(note), 4)
    path.write_bytes((ident + header + segment + note).ljust(sections_at, b"\0") + bytes(64))
    return path
