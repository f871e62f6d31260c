"""A process beside this one, for what needs no table: to read logs and to draw."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


@contextmanager
def second_process() -> Iterator[Executor]:
    """It starts at once, with what is loaded so far; enter before polars has threads, which no fork keeps."""
    with ProcessPoolExecutor(1, get_context("fork")) as executor:
        # The first task starts it.
        executor.submit(int).result()
        yield executor
