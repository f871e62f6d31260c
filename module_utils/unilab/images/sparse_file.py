"""A file written from its start to its end, hashed on the way, its long runs of zeros left as holes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 20
# A shorter run costs less to write than to seek over.
HOLE_BYTES = 64 << 10

_ZEROS = bytes(CHUNK_BYTES)

Data = bytes | bytearray | memoryview


class SparseWriter:
    """Writes to ``stream``, which is empty; ``length`` is what was written, holes included."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._digest = stream, hashlib.sha256()
        self.length = 0

    def write(self, data: Data) -> None:
        """Write ``data``, at most CHUNK_BYTES of it."""
        if len(data) >= HOLE_BYTES and _is_zero(data):
            self.zeros(len(data))
            return
        self._digest.update(data)
        self._stream.write(data)
        self.length += len(data)

    def zeros(self, count: int) -> None:
        """Write ``count`` zeros."""
        hash_zeros(self._digest, count)
        if count < HOLE_BYTES:
            self._stream.write(_ZEROS[:count])
        else:
            self._stream.seek(count, os.SEEK_CUR)
        self.length += count

    def finish(self) -> str:
        """Give the file its length; return its sha256 in hexadecimal."""
        self._stream.flush()
        self._stream.truncate(self.length)
        return self._digest.hexdigest()


def hash_zeros(digest: hashlib._Hash, count: int) -> None:
    """Add ``count`` zeros to ``digest``."""
    for _ in range(count // CHUNK_BYTES):
        digest.update(_ZEROS)
    digest.update(_ZEROS[: count % CHUNK_BYTES])


def data_extents(descriptor: int, size_bytes: int) -> Iterator[tuple[int, int]]:
    """(start, end) of what is not a hole in an open file (lseek(2), SEEK_DATA)."""
    if os.fstat(descriptor).st_blocks * 512 >= size_bytes:
        if size_bytes:
            yield 0, size_bytes
        return
    end = 0
    while end < size_bytes:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:
            return  # nothing but a hole up to the end
        end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size_bytes)
        if start < end:
            yield start, end


def _is_zero(data: Data) -> bool:
    return data[0] == 0 and data[-1] == 0 and bytes(data) == _ZEROS[: len(data)]
