"""HdrHistogram's buckets over numpy: counting samples, reading its log's payload, quantiles.

The layout is the library's own for a lowest value of 1 and three digits: every value below 2048 has a
count of its own, and each doubling above has 1024, so a count's range is at most 0.1 % wide. The
library's Python reader makes an object and an array of 0.2 MB per second of log; here a whole log is one
array operation. ``tests/unit/test_analysis_hdr.py`` holds both against each other.
"""

from __future__ import annotations

import struct
import zlib
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
_MOST_INDICES = 1 << 16  # more than 63 doublings have
# A word of LEB128 has at most nine bytes; before the words there is a header.
_MOST_BYTES = 9 * _MOST_INDICES + 64
_OUTER, _PAYLOAD = struct.Struct(">II"), struct.Struct(">IIIIQQd")
_OUTER_COOKIE, _PAYLOAD_COOKIE, _WORD_SIZE_BITS = 0x1C849304, 0x1C849303, 0xF0


class NotAHistogram(ValueError):
    """The text is not a V2 histogram with this layout."""


@dataclass(frozen=True)
class Histogram:
    """The indices that hold any value, rising, and how many values each holds. Nothing is trimmed."""

    indices: Counts
    counts: Counts

    def __reduce__(self) -> tuple[Callable[..., Histogram], tuple[npt.NDArray[np.unsignedinteger], ...]]:
        """Small for another process: indices fit 16 bits, and counts seldom need more."""
        kind = np.min_scalar_type(self.counts.max(initial=0))
        return _widened, (self.indices.astype(np.uint16), self.counts.astype(kind))

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


def _widened(indices: npt.NDArray[np.unsignedinteger], counts: npt.NDArray[np.unsignedinteger]) -> Histogram:
    return Histogram(indices.astype(np.int64), counts.astype(np.int64))


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


def quantile_of_each(histograms: Sequence[Histogram], share: float) -> list[float]:
    """``Histogram.quantiles`` of one share for many histograms, none of them empty, at once."""
    if not histograms:
        return []
    cumulated = np.cumsum(np.concatenate([row.counts for row in histograms]))
    last = np.cumsum([len(row.counts) for row in histograms]) - 1
    before = np.concatenate(([0], cumulated[last[:-1]]))
    ranks = np.maximum(np.ceil(share * (cumulated[last] - before) - 1e-9), 1)
    indices = np.concatenate([row.indices for row in histograms])
    found: list[float] = (
        highest_of(indices[np.searchsorted(cumulated, before + ranks)]).astype(float).tolist()
    )
    return found


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


def decode(texts: Sequence[str], groups: Sequence[int] | Counts, size: int) -> tuple[list[Histogram], Counts]:
    """Base64 histograms of logs, summed by group: one per group, and how many values each text holds.

    Raises NotAHistogram, whose first argument is the position of the damaged text.

    Args:
        texts: V2 histograms.
        groups: of each text, 0 to ``size`` - 1; a text of group ``size`` enters no histogram.
        size: how many histograms to make.
    """
    payloads = []
    for position, text in enumerate(texts):
        try:
            payloads.append(_payload(text))
        except (ValueError, zlib.error, struct.error) as error:
            raise NotAHistogram(position, str(error)) from None
    totals = np.zeros(len(texts), dtype=np.int64)
    filled = np.flatnonzero([len(payload) for payload in payloads])
    if not len(filled):
        return [EMPTY] * size, totals
    steps, counts, first = _words(payloads, filled)
    # Where each text's positions end, counted from its own zero, and where its group's begin.
    spans = np.add.reduceat(steps, first)
    if spans.max() > _MOST_INDICES:
        raise NotAHistogram(int(filled[spans.argmax()]), "it counts values that no histogram holds")
    stride = int(spans.max())
    begins = np.asarray(groups, dtype=np.int64)[filled] * stride
    # One running sum gives every word's index in the row of its group: each text starts again.
    steps[first] += np.diff(begins, prepend=0) - np.concatenate(([1], spans[:-1]))
    dense = np.bincount(np.cumsum(steps), counts, minlength=size * stride)
    found = np.flatnonzero(dense[: size * stride] > 0)
    held = dense[found].astype(np.int64)
    ends = np.searchsorted(found, stride * np.arange(size + 1)).tolist()
    totals[filled] = np.add.reduceat(counts, first)
    return [
        Histogram(found[start:end] - group * stride, held[start:end])
        for group, (start, end) in enumerate(pairwise(ends))
    ], totals


def _payload(text: str) -> bytes:
    """The words of one histogram, still packed."""
    raw = a2b_base64(text, strict_mode=True)
    cookie, length = _OUTER.unpack_from(raw)
    unpacking = zlib.decompressobj()
    packed = unpacking.decompress(raw[_OUTER.size : _OUTER.size + length], _MOST_BYTES)
    if not unpacking.eof:
        raise ValueError("it is cut off, or larger than any histogram")
    inner, words_length, _, digits, lowest, _, _ = _PAYLOAD.unpack_from(packed)
    if (cookie & ~_WORD_SIZE_BITS, inner & ~_WORD_SIZE_BITS) != (_OUTER_COOKIE, _PAYLOAD_COOKIE):
        raise ValueError("not the format V2")
    if (digits, lowest) != (DIGITS, 1):
        raise ValueError(f"{digits} digits from {lowest} on, not {DIGITS} from 1 on")
    words = packed[_PAYLOAD.size : _PAYLOAD.size + words_length]
    if len(words) != words_length or (words and words[-1] & 0x80):
        raise ValueError("it ends too early")
    return words


def _words(payloads: Sequence[bytes], filled: Counts) -> tuple[Counts, npt.NDArray[np.float64], Counts]:
    """ZigZag LEB128 words: how many indices each passes, how many values it counts, where each text begins.

    A negative word is so many counts of zero, a positive one for one count.
    """
    joined = b"".join(payloads)
    packed = np.frombuffer(joined, dtype=np.uint8)
    begins = np.cumsum([0, *(len(payloads[place]) for place in filled[:-1])])
    # Most words are one byte long: a table gives their meaning. The bytes of others that go on are few.
    steps = np.frombuffer(joined.translate(_STEPS, _GOING_ON), dtype=np.uint8).astype(np.int64)
    counts = np.frombuffer(joined.translate(_COUNTS, _GOING_ON), dtype=np.uint8).astype(np.float64)
    going_on = np.flatnonzero(packed >= 0x80)
    first = begins - np.searchsorted(going_on, begins)
    if len(going_on):
        opens = np.flatnonzero(np.diff(going_on, prepend=-2) > 1)
        lengths = np.diff(opens, append=len(going_on)) + 1
        starts = going_on[opens]
        values = np.zeros(len(starts), dtype=np.int64)
        for place in range(int(lengths.max())):
            goes_on = np.flatnonzero(lengths > place)
            values[goes_on] |= (packed[starts[goes_on] + place].astype(np.int64) & 0x7F) << (7 * place)
        places, words = starts - opens, _unzigzag(values)
        steps[places], counts[places] = _passed(words), np.maximum(words, 0)
    return steps, counts, first


def _unzigzag(values: Counts) -> Counts:
    return (values >> 1) ^ -(values & 1)


def _passed(words: Counts) -> Counts:
    return np.where(words < 0, -words, 1)


_GOING_ON = bytes(range(0x80, 0x100))
_ONE_BYTE = _unzigzag(np.arange(0x80, dtype=np.int64))
_STEPS, _COUNTS = (
    found.astype(np.uint8).tobytes().ljust(0x100) for found in (_passed(_ONE_BYTE), np.maximum(_ONE_BYTE, 0))
)
