"""A run from its users to load.json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.unilab_load.orders import options_of

Load = Callable[[str], Any]


def _run(load: Load, folder: Path, workers: Any) -> Any:
    return load("lead.load_run").LoadRun(
        options_of(load, folder), reference=[], sent=[], workers=workers, tool="test"
    )


@pytest.mark.parametrize(("there", "state"), [(4, None), (8, "invalid")])
def test_number_of_users_must_be_the_requested_one(
    there: int, state: str | None, load: Load, tmp_path: Path
) -> None:
    workers = SimpleNamespace(users=lambda: {"local": there}, user_failure=lambda: "")
    ending = _run(load, tmp_path, workers)._await_users()
    assert (ending and ending.state) == state


def test_run_without_a_written_load_json_is_invalid(load: Load, tmp_path: Path) -> None:
    run = _run(load, tmp_path / "gone", workers=None)
    with pytest.raises(OSError, match="gone"):
        run.finish(load("lead.liveness").COMPLETED)
    assert run.ending.state == "invalid"
