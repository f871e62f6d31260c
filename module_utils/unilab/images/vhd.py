"""A dynamic VHD without the time and the random id that qemu-img writes into it.

qemu-img, which knows the format well, is given the whole conversion; what is left is its footer and
the footer's copy at the file's start (Microsoft, Virtual Hard Disk Image Format Specification 1.0,
"Hard Disk Footer Format": 512 bytes, big-endian; time stamp at 24, checksum at 64, id at 68).
"""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

_FOOTER_BYTES = 512
_TIME_AT, _CHECKSUM_AT, _ID_AT = 24, 64, 68


def settle(path: Path, content_sha256: str) -> None:
    """Give the VHD ``path`` the time 0 (the year 2000) and an id that only ``content_sha256`` decides."""
    with path.open("r+b") as disk:
        disk.seek(-_FOOTER_BYTES, 2)
        footer = bytearray(disk.read(_FOOTER_BYTES))
        struct.pack_into(">I", footer, _TIME_AT, 0)
        footer[_ID_AT : _ID_AT + 16] = uuid.uuid5(uuid.NAMESPACE_OID, content_sha256).bytes
        struct.pack_into(">I", footer, _CHECKSUM_AT, checksum(footer))
        for position in (0, -_FOOTER_BYTES):
            disk.seek(position, 2 if position else 0)
            disk.write(footer)


def checksum(footer: bytes | bytearray) -> int:
    """The ones' complement of the sum of all bytes but the checksum's own."""
    return ~(sum(footer) - sum(footer[_CHECKSUM_AT : _CHECKSUM_AT + 4])) & 0xFFFFFFFF
