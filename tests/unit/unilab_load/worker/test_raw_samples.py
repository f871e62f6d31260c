"""Every latency as a number of its own, in a Parquet file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.unilab_load.builders import Bench, S, interval_of

Load = Callable[[str], Any]


def test_raw_samples_are_the_windows_nanoseconds(load: Load, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "raw.parquet"
    bench = Bench(load, endpoints=2)
    one, other = bench.endpoints
    with load("worker.raw_samples").SampleFile(str(path)) as samples:
        for phase, taken in (("warm_up", [1]), ("window", [2, 3]), ("window", [5 * S]), ("after", [4])):
            reported = {one: np.array(taken), other: np.array([7])}
            samples.add(interval_of(load, 0.0, phase, []), reported, {})
        assert not path.exists(), "a file of this name is whole"
    table = parquet.read_table(path)
    assert str(table.schema.field("latency_ns").type) == "uint32"
    assert table.column("latency_ns").to_pylist() == [2, 3, 7, 2**32 - 1, 7]
    assert table.column("endpoint").to_pylist() == ["GET /0", "GET /0", "GET /1", "GET /0", "GET /1"]


def test_no_raw_samples_are_written_without_a_path(load: Load, tmp_path: Path) -> None:
    with load("worker.raw_samples").SampleFile(None) as samples:
        samples.add(interval_of(load, 0.0, "window", []), {}, {})
    assert list(tmp_path.iterdir()) == []
