"""Figures that no measurement gives, and paths out of the trial's folder, are refused in a record."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.outcome import record_of
from contracts.trial import TrialRecord
from tests.unit.contracts.test_outcome import FACTS, STEPS

RECORD: dict[str, Any] = record_of(FACTS, STEPS).model_dump(mode="json")


def _numbers(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _numbers(item, (*path, key))]
    if isinstance(value, list):
        return [row for key, item in enumerate(value) for row in _numbers(item, (*path, key))]
    return [path] if type(value) in (int, float) else []


# Little's residual has a sign, a version is one of a few, and provenance is kept as it was read.
FREE = ("little_residual", "schema_version")
PATHS = [path for path in _numbers(RECORD) if path[-1] not in FREE and path[0] not in ("provenance", "cell")]


def _with(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(RECORD)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def test_there_are_figures_to_check() -> None:
    assert len(PATHS) > 20 and TrialRecord.model_validate(RECORD)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(str(part) for part in path))
def test_figure_out_of_bounds_is_refused(path: tuple[Any, ...]) -> None:
    for wrong in (-1, float("nan"), float("inf"), -(2**63)):
        with pytest.raises(ValidationError):
            TrialRecord.model_validate(_with(path, wrong))
    if isinstance(_value(path), int):
        with pytest.raises(ValidationError):
            TrialRecord.model_validate(_with(path, 2**63))


def _value(path: tuple[Any, ...]) -> Any:
    place: Any = RECORD
    for key in path:
        place = place[key]
    return place


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "", ".", "..", ".hidden", "a\nb"])
def test_histogram_outside_the_trials_folder_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="histogram"):
        TrialRecord.model_validate(_with(("load", "histogram"), name))
