"""The load generator's package, which is imported where Locust runs and nowhere else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LOCUSTFILES = Path(__file__).parents[3] / "locustfiles"
Load = Callable[[str], Any]


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "unilab_load"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """Import one of the package's modules by its name."""
    _forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(LOCUSTFILES))
        # Importing Locust would have gevent replace the threads and sockets of all other tests.
        patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
        yield lambda name: importlib.import_module(f"unilab_load.{name}")
    _forget()
