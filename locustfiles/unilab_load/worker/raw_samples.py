"""Every latency of the measured window as a number of its own, in a Parquet file: optional.

One column, ``latency_ns`` (uint32, so at most 4.29 s: a longer one is 4294967295), in the order of
completion within each endpoint and second; a second column names the endpoint.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from unilab_load.wire.endpoint import Endpoint
from unilab_load.worker.interval import LoadInterval

_LARGEST = 2**32 - 1


class SampleFile:
    """Writes ``path``, aside until it is whole; does nothing where ``path`` is None."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._writer: Any = None

    def __enter__(self) -> SampleFile:
        if self._path is not None:
            arrow = importlib.import_module("pyarrow")
            parquet = importlib.import_module("pyarrow.parquet")
            self._arrow = arrow
            name = arrow.dictionary(arrow.int16(), arrow.string())
            self._schema = arrow.schema([("latency_ns", arrow.uint32()), ("endpoint", name)])
            self._aside = self._path.with_name(f".{self._path.name}")
            self._writer = parquet.ParquetWriter(self._aside, self._schema, compression="zstd")
        return self

    def add(
        self, interval: LoadInterval, samples: dict[Endpoint, Any], errors: dict[Endpoint, dict[str, int]]
    ) -> None:
        """Write the latencies of ``interval``, arrays of shape (n,) in nanoseconds."""
        if self._writer is None or interval.phase != "window":
            return
        arrow = self._arrow
        for endpoint, taken in samples.items():
            names = arrow.DictionaryArray.from_arrays(
                np.zeros(len(taken), dtype=np.int16), [f"{endpoint.method} {endpoint.name}"]
            )
            numbers = np.minimum(taken, _LARGEST).astype(np.uint32)
            self._writer.write_table(arrow.table([arrow.array(numbers), names], schema=self._schema))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None and self._path is not None:
            self._writer.close()
            self._aside.replace(self._path)
