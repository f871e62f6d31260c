"""What the disks of all guests share: sectors, the master boot record, sizes in whole units.

Format: the legacy MBR of the UEFI specification 2.10, section 5.2.1.
"""

from __future__ import annotations

import struct

SECTOR_BYTES = 512
PARTITION_TABLE_AT, PARTITION_ENTRY_BYTES = 0x1BE, 16
PARTITION_TYPE_LINUX = 0x83
BOOT_SIGNATURE_AT, BOOT_SIGNATURE = 510, b"\x55\xaa"


def partition_entry(kind: int, first: int, count: int, chs: tuple[bytes, bytes], status: int = 0) -> bytes:
    """One of the four entries of a partition table: ``count`` sectors from sector ``first`` on.

    ``chs`` are its first and last sector as cylinder, head and sector, three bytes each; ``status`` 0x80
    marks the partition that is booted.
    """
    start, end = chs
    return bytes([status]) + start + bytes([kind]) + end + struct.pack("<II", first, count)


def rounded_up(size: int, unit: int) -> int:
    """``size``, or the next multiple of ``unit``."""
    return -(-size // unit) * unit
