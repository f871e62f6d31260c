"""The samples of a counted guest: read from ``work.csv.gz``, and cut to periods of time."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.errors import InputError
from contracts.work.counted import WorkCounts

# Columns before the counters: see library/counting/work_series.py, which writes the table.
_FIRST_COLUMNS = ("realtime_ns", "spread_ns", "vcpu")
_INSTRUCTIONS = ("application", "kernel", "idle", "unclassified")
_GUESTS = ("guest_kernel", "guest_application")
_REMEDY = "the file is written by the module work_series; move this trial's folder away to run it again"

Counts = tuple[int, ...]


@dataclass(frozen=True)
class Series:
    """Counters at moments of one clock.

    Attributes:
        names: of the counters, in the order of the plugin.
        times_ns: CLOCK_REALTIME of the counting host, rising; shape (samples,).
        spreads_ns: how long each sample took; shape (samples,).
        counts: since the start of the guest; shape (samples, vCPUs, counters).
    """

    names: tuple[str, ...]
    times_ns: tuple[int, ...]
    spreads_ns: tuple[int, ...]
    counts: tuple[tuple[Counts, ...], ...]

    @property
    def vcpus(self) -> int:
        """Number of virtual CPUs."""
        return len(self.counts[0])

    @property
    def without_split(self) -> Series:
        """The same with all instructions as ``unclassified``, where their kinds mean nothing."""
        kinds = [i for i, name in enumerate(self.names) if name in (*_INSTRUCTIONS, *_GUESTS)]
        others = [i for i, name in enumerate(self.names) if i not in kinds]

        def merged(row: Counts) -> Counts:
            return (sum(row[i] for i in kinds), *(row[i] for i in others))

        names = ("unclassified", *(self.names[i] for i in others))
        return replace(
            self, names=names, counts=tuple(tuple(merged(row) for row in sample) for sample in self.counts)
        )

    def total(self, name: str) -> int:
        """The newest value of a counter, over all virtual CPUs."""
        return sum(row[self.names.index(name)] for row in self.counts[-1])

    def at(self, time_ns: int) -> tuple[tuple[float, ...], ...]:
        """Counters at ``time_ns``, linear between the two samples around it; shape (vCPUs, counters).

        Raises ValueError outside of the samples.
        """
        after = bisect_left(self.times_ns, time_ns)
        if after == len(self.times_ns) or time_ns < self.times_ns[0]:
            raise ValueError("no samples around this moment")
        if self.times_ns[after] == time_ns:
            return tuple(tuple(float(value) for value in row) for row in self.counts[after])
        before = after - 1
        part = (time_ns - self.times_ns[before]) / (self.times_ns[after] - self.times_ns[before])
        return tuple(
            tuple(low + part * (high - low) for low, high in zip(first, second, strict=True))
            for first, second in zip(self.counts[before], self.counts[after], strict=True)
        )

    def between(self, start_ns: int, end_ns: int) -> list[Counts]:
        """Counts of each virtual CPU from ``start_ns`` to ``end_ns``. Raises ValueError as ``at`` does."""
        return [
            tuple(round(high - low) for low, high in zip(first, second, strict=True))
            for first, second in zip(self.at(start_ns), self.at(end_ns), strict=True)
        ]

    def intervals(self, start_ns: int, end_ns: int) -> list[tuple[int, Counts]]:
        """Those between two samples that lie within the period: duration in ns, counts over all vCPUs."""
        first, last = bisect_left(self.times_ns, start_ns), bisect_right(self.times_ns, end_ns)
        totals = [_summed(rows) for rows in self.counts[first:last]]
        times_ns = self.times_ns[first:last]
        return [
            (
                times_ns[i + 1] - times_ns[i],
                tuple(b - a for a, b in zip(totals[i], totals[i + 1], strict=True)),
            )
            for i in range(len(totals) - 1)
        ]


def read_series(path: Path) -> Series:
    """Read a table of samples. Raises InputError where it is missing or damaged."""
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as stream:
            rows = csv.reader(stream)
            head = tuple(next(rows))
            if head[: len(_FIRST_COLUMNS)] != _FIRST_COLUMNS:
                raise InputError(path, "", f"its first line is {','.join(head)[:80]!r}", _REMEDY)
            return _series(path, head[len(_FIRST_COLUMNS) :], [[int(field) for field in row] for row in rows])
    except (OSError, EOFError, ValueError, StopIteration) as error:
        raise InputError(path, "", f"cannot be read ({error or 'empty'})", _REMEDY) from None


def work_counts(
    names: Sequence[str], counts: Sequence[float], has_idle_loop: bool, has_guests: bool = False
) -> WorkCounts:
    """The plugin's counters by the names of the record; the split is None where the kernel is not known.

    ``has_guests``: the machine is a server whose guests are counted apart.
    """
    by_name = {name: max(0, round(value)) for name, value in zip(names, counts, strict=True)}
    application, kernel, idle, unclassified = (by_name.pop(name, 0) for name in _INSTRUCTIONS)
    guests = [by_name.pop(name, 0) for name in _GUESTS]
    split = unclassified == 0
    return WorkCounts(
        instructions=application + kernel + idle + unclassified + sum(guests),
        application=application if split else None,
        kernel=kernel + idle if split else None,
        idle_loop=idle if has_idle_loop else None,
        guest_kernel=guests[0] if has_guests else None,
        guest_application=guests[1] if has_guests else None,
        **{name: value for name, value in by_name.items() if name in WorkCounts.model_fields},
    )


def _series(path: Path, names: tuple[str, ...], rows: list[list[int]]) -> Series:
    vcpus = 1 + max((row[2] for row in rows), default=-1)
    if len(rows) < 2 * vcpus or len(rows) % max(vcpus, 1) or not rows:
        raise InputError(path, "", f"{len(rows)} rows are not whole samples", _REMEDY)
    samples = [rows[i : i + vcpus] for i in range(0, len(rows), vcpus)]
    return Series(
        names,
        tuple(sample[0][0] for sample in samples),
        tuple(sample[0][1] for sample in samples),
        tuple(tuple(tuple(row[3:]) for row in sample) for sample in samples),
    )


def _summed(rows: Sequence[Counts]) -> Counts:
    return tuple(map(sum, zip(*rows, strict=True)))
