"""HdrHistogram's buckets over numpy: counting samples, reading its log's payload, quantiles.

The layout is the library's own for a lowest value of 1 and three digits: every value below 2048 has a
count of its own, and each doubling above has 1024, so a count's range is at most 0.1 % wide. The
library's Python reader makes an object and an array of 0.2 MB per second of log; here a whole log is one
array operation. ``tests/unit/test_analysis_hdr.py`` holds both against each other.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Samples = npt.NDArray[np.uint32] | npt.NDArray[np.int64]

DIGITS = 3
_HALF = 1024  # counts per doubling
_LOG2_HALF = 10
# A float64 that holds an integer v >= 1024 has floor(log2 v) + 1023 in its exponent and the next ten bits
# of v on top of its mantissa: shifted right by 42 it is v's index but for a constant.
_SHIFT, _OFFSET = 52 - _LOG2_HALF, (1023 + _LOG2_HALF - 1) << _LOG2_HALF
_OUTER, _PAYLOAD = struct.Struct(">II"), struct.Struct(">IIIIQQd")
_OUTER_COOKIE, _PAYLOAD_COOKIE, _WORD_SIZE_BITS = 0x1C849304, 0x1C849303, 0xF0


class NotAHistogram(ValueError):
    """The text is not a V2 histogram with this layout."""


@dataclass(frozen=True)
class Histogram:
    """The indices that hold any value, rising, and how many values each holds. Nothing is trimmed."""

    indices: Counts
    counts: Counts

    @property
    def total(self) -> int:
        """How many values were counted."""
        return int(self.counts.sum())

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """For each share (0 to 1) the value that so large a part does not exceed; NaN where empty.

        As the library does it: the count that holds rank ceil(share x total), by its highest value.
        """
        if not len(self.counts):
            return [float("nan")] * len(shares)
        cumulated = np.cumsum(self.counts)
        ranks = np.maximum(np.ceil(np.asarray(shares) * cumulated[-1] - 1e-9), 1)
        return [float(value) for value in highest_of(self.indices[np.searchsorted(cumulated, ranks)])]

    def at_rank(self, rank: int) -> float:
        """The ``rank``-th smallest value (from 1), to the count's highest."""
        place = np.searchsorted(np.cumsum(self.counts), [rank])
        return float(highest_of(self.indices[place])[0])

    def largest(self) -> float:
        """The highest value of the last count; NaN where empty."""
        return float(highest_of(self.indices[-1:])[0]) if len(self.indices) else float("nan")

    def recorded(self) -> tuple[Counts, Counts]:
        """Highest values, rising, of the counts that hold any, and those counts."""
        return highest_of(self.indices), self.counts


def of_counts(indices: Counts, counts: Counts) -> Histogram:
    """Sum ``counts`` by index, in any order and repeated as may be."""
    dense = np.bincount(indices, counts).astype(np.int64)
    found = np.flatnonzero(dense)
    return Histogram(found, dense[found])


EMPTY = Histogram(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def of_samples(chunks: Iterable[Samples]) -> Histogram:
    """Count whole numbers, 0 to 2^53; ``chunks`` of some 100,000 keep the work inside the cache."""
    counts = np.zeros(0, dtype=np.int64)
    for chunk in chunks:
        found = np.bincount(index_of(chunk))
        if len(found) > len(counts):
            found[: len(counts)] += counts
            counts = found
        else:
            counts[: len(found)] += found
    indices = np.flatnonzero(counts)
    return Histogram(indices, counts[indices])


def merge(histograms: Sequence[Histogram]) -> Histogram:
    """One histogram of several: every answer weighs the same, whichever boot gave it."""
    if not histograms:
        return EMPTY
    return of_counts(
        np.concatenate([row.indices for row in histograms]),
        np.concatenate([row.counts for row in histograms]),
    )


def index_of(values: Samples) -> npt.NDArray[np.int64]:
    """The index of each value's count."""
    indices = values.astype(np.float64).view(np.int64)
    indices >>= _SHIFT
    indices -= _OFFSET
    small = values < _HALF
    if small.any():
        indices[small] = values[small]
    return indices


def lowest_of(indices: npt.NDArray[np.int64]) -> Counts:
    """The lowest value that each index counts."""
    doublings = np.maximum(indices >> _LOG2_HALF, 1) - 1
    return (indices - (doublings << _LOG2_HALF)) << doublings


def highest_of(indices: npt.NDArray[np.int64]) -> Counts:
    """The highest value that each index counts."""
    return lowest_of(indices + 1) - 1


def decode(texts: Sequence[str]) -> tuple[Counts, Counts, Counts]:
    """Base64 histograms of a log to ``(which text, index, count)`` of every count that is not zero.

    Raises NotAHistogram, whose argument is the position of the spoilt text.
    """
    payloads = []
    for position, text in enumerate(texts):
        try:
            payloads.append(_payload(text))
        except (ValueError, zlib.error, struct.error) as error:
            raise NotAHistogram(position, str(error)) from None
    if not payloads:
        return EMPTY.indices, EMPTY.indices, EMPTY.counts
    ends_of_texts = np.cumsum([len(payload) for payload in payloads], dtype=np.int64)
    words, ends = _words(np.frombuffer(b"".join(payloads), dtype=np.uint8))
    # A negative word stands for so many zero counts, a positive one for one count.
    positions = np.cumsum(np.where(words < 0, -words, 1))
    last = np.searchsorted(ends, ends_of_texts, side="right")
    first = np.concatenate(([0], last[:-1])).astype(np.int64)
    kept = np.flatnonzero(words > 0)
    sizes = np.searchsorted(kept, last) - np.searchsorted(kept, first)
    owner = np.repeat(np.arange(len(texts)), sizes)
    before = np.concatenate(([0], positions))[first]
    return owner, positions[kept] - 1 - np.repeat(before, sizes), words[kept]


def _payload(text: str) -> bytes:
    """The words of one histogram, still packed."""
    raw = b64decode(text, validate=True)
    cookie, length = _OUTER.unpack_from(raw)
    packed = zlib.decompress(raw[_OUTER.size : _OUTER.size + length])
    inner, words_length, _, digits, lowest, _, _ = _PAYLOAD.unpack_from(packed)
    if (cookie & ~_WORD_SIZE_BITS, inner & ~_WORD_SIZE_BITS) != (_OUTER_COOKIE, _PAYLOAD_COOKIE):
        raise ValueError("not the format V2")
    if (digits, lowest) != (DIGITS, 1):
        raise ValueError(f"{digits} digits from {lowest} on, not {DIGITS} from 1 on")
    words = packed[_PAYLOAD.size : _PAYLOAD.size + words_length]
    if len(words) != words_length or (words and words[-1] & 0x80):
        raise ValueError("it ends too early")
    return words


def _words(packed: npt.NDArray[np.uint8]) -> tuple[Counts, Counts]:
    """ZigZag LEB128 to signed words, and how many bytes lie before the end of each."""
    ends = np.flatnonzero(packed < 0x80) + 1
    if not len(ends):
        return ends, ends
    # Most words are one byte long: a table gives their value.
    words = _ONE_BYTE[packed[ends - 1]]
    lengths = np.diff(ends, prepend=0)
    longer = np.flatnonzero(lengths > 1)
    values = np.zeros(len(longer), dtype=np.int64)
    starts = ends[longer] - lengths[longer]
    for place in range(int(lengths.max())):
        goes_on = np.flatnonzero(lengths[longer] > place)
        values[goes_on] |= (packed[starts[goes_on] + place].astype(np.int64) & 0x7F) << (7 * place)
    words[longer] = _unzigzag(values)
    return words, ends


def _unzigzag(values: Counts) -> Counts:
    return (values >> 1) ^ -(values & 1)


_ONE_BYTE = _unzigzag(np.arange(128, dtype=np.int64))
