"""Files as the plugin that counts instructions writes them."""

from __future__ import annotations

import struct
from pathlib import Path

from ansible.module_utils.unilab.counting.mapped_file import BLOCK_BYTES, HEADER_BYTES, MAGIC


def counts_file(path: Path, samples: int) -> None:
    """As the plugin writes it: one vCPU, two counters, sample n taken at n seconds."""
    names = b"application kernel "
    header = struct.pack("<8s6IQQ512s1536s", MAGIC, 1, 1, 2, 100, 8, 1, 7, samples, names, b"kernel=1-2 ")
    content = header.ljust(HEADER_BYTES, b"\0") + struct.pack("<QQ", 50, 60).ljust(BLOCK_BYTES, b"\0")
    ring = [b"\0" * 48] * 8
    for number in range(samples):
        ring[number % 8] = struct.pack("<qQQQQQ", number * 10**9, 0, 5, 0, number * 10, number * 20)
    path.write_bytes(content + b"".join(ring))
