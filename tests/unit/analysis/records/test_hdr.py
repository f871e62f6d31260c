"""Our histograms hold the counts of the HdrHistogram library: same buckets, same quantiles, same format."""

from __future__ import annotations

import base64
import pickle
import resource
import struct
import zlib

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from analysis.records import hdr

SEED = 20260105


def samples(size: int, highest: float = 3e9) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Whole numbers spread over all magnitudes from 1 to ``highest``."""
    generator = np.random.default_rng(SEED)
    return np.exp(generator.uniform(0, np.log(highest), size)).astype(np.int64)


def library(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> HdrHistogram:
    histogram = HdrHistogram(1, 24 * 3600 * 1_000_000, 3)
    for value in values.tolist():
        histogram.record_value(value)
    return histogram


EDGES = np.asarray([1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 2050, 4095, 4096, 4097, 2**31, 2**32 - 1])


def test_every_value_has_the_librarys_index() -> None:
    values = np.concatenate([EDGES, samples(5000)])
    reference = HdrHistogram(1, 24 * 3600 * 1_000_000, 3)
    assert hdr.index_of(values).tolist() == [reference.get_counts_array_index(int(v)) for v in values]


@pytest.mark.parametrize("kind", [np.uint32, np.int64])
def test_an_index_holds_its_values(kind: type[np.uint32 | np.int64]) -> None:
    values = np.concatenate([EDGES, samples(5000)]).astype(kind)
    indices = hdr.index_of(values)
    assert np.all(hdr.lowest_of(indices) <= values)
    assert np.all(values <= hdr.highest_of(indices))
    assert np.max((hdr.highest_of(indices) - hdr.lowest_of(indices)) / values) <= 1e-3


def test_quantiles_are_the_librarys() -> None:
    values = samples(4000)
    ours, reference = hdr.of_samples(np.array_split(values, 7)), library(values)
    assert ours.total == reference.get_total_count()
    shares = [0.0001, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0]
    expected = [reference.get_value_at_percentile(share * 100) for share in shares]
    assert ours.quantiles(shares) == expected
    assert ours.largest() == reference.get_value_at_percentile(100)


def test_quantiles_are_those_of_the_sorted_samples_within_a_thousandth() -> None:
    values = samples(20_001)
    ordered = np.sort(values)
    found = hdr.of_samples([values]).quantiles([0.25, 0.5, 0.99])
    expected = [ordered[int(np.ceil(share * len(values))) - 1] for share in (0.25, 0.5, 0.99)]
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_log_is_decoded_to_the_counts_that_were_encoded() -> None:
    parts = [samples(300), np.zeros(0, dtype=np.int64), samples(1), np.full(100_000, 77), EDGES]
    texts = [library(part).encode().decode() for part in parts]
    found, totals = hdr.decode(texts, range(len(texts)), len(texts))
    assert totals.tolist() == [len(part) for part in parts]
    for histogram, part in zip(found, parts, strict=True):
        expected = hdr.of_samples([part] if len(part) else [])
        assert histogram.indices.tolist() == expected.indices.tolist()
        assert histogram.counts.tolist() == expected.counts.tolist()


def test_a_log_is_summed_by_group_and_a_text_of_none_is_only_counted() -> None:
    parts = [samples(300), EDGES, samples(40), np.full(2, 5), np.zeros(0, dtype=np.int64)]
    texts = [library(part).encode().decode() for part in parts]
    found, totals = hdr.decode(texts, [2, 3, 0, 2, 0], 3)
    assert totals.tolist() == [len(part) for part in parts]
    expected = [parts[2], np.zeros(0, dtype=np.int64), np.concatenate([parts[0], parts[3]])]
    for histogram, values in zip(found, expected, strict=True):
        counted = hdr.of_samples([values] if len(values) else [])
        assert histogram.indices.tolist() == counted.indices.tolist()
        assert histogram.counts.tolist() == counted.counts.tolist()


def test_one_quantile_of_many_histograms_is_that_of_each() -> None:
    found = [hdr.of_samples([samples(size)]) for size in (1, 7, 5000)]
    for share in (0.001, 0.5, 0.98, 1.0):
        assert hdr.quantile_of_each(found, share) == [row.quantiles([share])[0] for row in found]
    assert hdr.quantile_of_each([], 0.5) == []


@pytest.mark.parametrize("counts", [[], [3, 1, 255], [2**40, 1, 7]])
def test_a_histogram_reaches_another_process_whole(counts: list[int]) -> None:
    indices = np.asarray([0, 2047, 65535][: len(counts)], dtype=np.int64)
    sent = hdr.Histogram(indices, np.asarray(counts, dtype=np.int64))
    got = pickle.loads(pickle.dumps(sent))
    assert (got.indices.dtype, got.counts.dtype) == (np.int64, np.int64)
    assert got.indices.tolist() == sent.indices.tolist()
    assert got.counts.tolist() == counts


def test_nothing_is_decoded_to_nothing() -> None:
    assert [len(part) for part in hdr.decode([], [], 0)] == [0, 0]
    empty = library(np.zeros(0, dtype=np.int64)).encode().decode()
    found, totals = hdr.decode([empty], [0], 1)
    assert (found[0].total, totals.tolist()) == (0, [0])
    assert np.isnan(hdr.EMPTY.largest())
    assert np.isnan(hdr.EMPTY.quantiles([0.5])).all()


def spoilt() -> dict[str, str]:
    whole = library(samples(50)).encode().decode()
    other = HdrHistogram(1, 1_000_000, 2)
    other.record_value(5)
    return {"cut": whole[:-8], "noise": "HISTnonsense", "digits": other.encode().decode(), "empty": ""}


@pytest.mark.parametrize("kind", ["cut", "noise", "digits", "empty"])
def test_a_spoilt_histogram_is_counted_to(kind: str) -> None:
    whole = library(samples(5)).encode().decode()
    with pytest.raises(hdr.NotAHistogram) as raised:
        hdr.decode([whole, spoilt()[kind], whole], [0, 0, 0], 1)
    assert raised.value.args[0] == 1


def test_packed_bomb_is_refused_within_bounds() -> None:
    """A gibibyte of zeros packed into a mebibyte, behind a valid header."""
    inner = zlib.compressobj()
    packed = b"".join(inner.compress(bytes(1 << 24)) for _ in range(64)) + inner.flush()
    outer = struct.pack(">II", 0x1C849304, len(packed)) + packed
    text = base64.b64encode(outer).decode()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(hdr.NotAHistogram, match="larger than any histogram"):
        hdr.decode([text], [0], 1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 64 << 10
