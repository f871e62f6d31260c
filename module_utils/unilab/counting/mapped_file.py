"""The mapped file of the plugin ``work_counter.c``: counters now, and samples of the past.

The layout is that of roles/qemu_host/files/work_counter.c; change both together. All numbers are
little-endian. The file may be read at any time while QEMU writes to it.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError

MAGIC = b"UNLWORK1"
HEADER_BYTES = 4096
BLOCK_BYTES = 512
MODES = {1: "inline", 2: "callbacks", 3: "inline per vCPU"}

_HEADER = struct.Struct("<8s6IQQ512s1536s")
_SAMPLE_HEAD = struct.Struct("<qQQQ")


@dataclass(frozen=True)
class Header:
    """What the plugin wrote once, but for ``written``.

    Attributes:
        mode: a value of MODES.
        written: samples taken since the start; the ring holds the newest ``capacity`` of them.
        names: counters in their order.
        ranges: "kernel=LOW-HIGH" and "idle=LOW-HIGH" as the plugin was given them.
    """

    api_version: int
    vcpus: int
    interval_ms: int
    capacity: int
    mode: str
    pid: int
    written: int
    names: tuple[str, ...]
    ranges: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """All counters at one moment.

    Attributes:
        realtime_ns, monotonic_ns: CLOCK_REALTIME and CLOCK_MONOTONIC of QEMU's host, halfway through
            the reading.
        spread_ns: how long the reading took.
        counts: one tuple per vCPU, in the order of ``Header.names``.
    """

    realtime_ns: int
    monotonic_ns: int
    spread_ns: int
    counts: tuple[tuple[int, ...], ...]


class MappedFile:
    """A counts file opened for reading; use it in a ``with`` statement."""

    def __init__(self, path: Path) -> None:
        """Open ``path``. Raises LabError when it is missing or no file of the plugin."""
        try:
            with path.open("rb") as stream:
                self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise LabError(f"{path}: the counts cannot be read ({error}).") from None
        self._path = path
        if self._map[: len(MAGIC)] != MAGIC:
            self._map.close()
            raise LabError(f"{path}: no counts file of the plugin work_counter.")

    def __enter__(self) -> MappedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()

    @property
    def header(self) -> Header:
        """The header as it is now."""
        fields = _HEADER.unpack_from(self._map)
        _, api_version, vcpus, counters, interval_ms, capacity, mode, pid, written, names, ranges = fields
        found = tuple(_text(names).split())
        if len(found) != counters:
            raise LabError(f"{self._path}: {counters} counters have {len(found)} names; the file is damaged.")
        return Header(
            api_version=api_version,
            vcpus=vcpus,
            interval_ms=interval_ms,
            capacity=capacity,
            mode=MODES.get(mode, "unknown"),
            pid=pid,
            written=written,
            names=found,
            ranges=tuple(_text(ranges).split()),
        )

    def counts(self) -> tuple[tuple[int, ...], ...]:
        """The counters of each vCPU now; with ``inline per vCPU`` those of the latest sample."""
        header = self.header
        row = struct.Struct(f"<{len(header.names)}Q")
        starts = (HEADER_BYTES + vcpu * BLOCK_BYTES for vcpu in range(header.vcpus))
        return tuple(row.unpack_from(self._map, start) for start in starts)

    def samples(self) -> Iterator[Sample]:
        """The samples in the ring, oldest first; one that was overwritten while it was read is skipped."""
        header = self.header
        counters = len(header.names)
        values = struct.Struct(f"<{counters * header.vcpus}Q")
        size = _SAMPLE_HEAD.size + values.size
        ring = HEADER_BYTES + header.vcpus * BLOCK_BYTES
        for number in range(max(0, header.written - header.capacity), header.written):
            at = ring + number % header.capacity * size
            realtime_ns, monotonic_ns, spread_ns, _ = _SAMPLE_HEAD.unpack_from(self._map, at)
            flat = values.unpack_from(self._map, at + _SAMPLE_HEAD.size)
            # QEMU may be writing the slot that follows the newest.
            if self.header.written >= number + header.capacity:
                continue
            starts = range(0, len(flat), counters)
            counts = tuple(flat[start : start + counters] for start in starts)
            yield Sample(realtime_ns, monotonic_ns, spread_ns, counts)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("ascii", errors="replace")
