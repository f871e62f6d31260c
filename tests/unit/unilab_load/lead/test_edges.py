"""The load's own code at its edges: entries of the wrong type, missing parameters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Load = Callable[[str], Any]
ENTRY = {"method": "GET", "path": "/", "status": 200, "content_type": "text/plain", "body": "{n} and {m}"}


def write(folder: Path, content: object) -> Path:
    path = folder / "responses.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    "entry", ["text", [1], None, {**ENTRY, "status": "200"}, {**ENTRY, "body": None}, {}]
)
def test_an_entry_of_another_form_is_refused(load: Load, tmp_path: Path, entry: object) -> None:
    reference = load("lead.reference")
    with pytest.raises(load("worker.plan").InputError, match="entry 1: key"):
        reference.load_reference(write(tmp_path, [ENTRY, entry]), {})


@pytest.mark.parametrize("content", [{}, [], "text", None])
def test_a_file_without_a_list_is_refused(load: Load, tmp_path: Path, content: object) -> None:
    with pytest.raises(load("worker.plan").InputError, match="not a list with at least one response"):
        load("lead.reference").load_reference(write(tmp_path, content), {})


@pytest.mark.parametrize(
    ("names", "given", "body"),
    [
        ([], {"n": "7"}, "{n} and {m}"),
        (["n"], {"n": "7"}, "7 and {m}"),
        (["n", "m"], {"n": "7", "m": "x"}, "7 and x"),
    ],
)
def test_only_listed_parameters_are_replaced(
    load: Load, tmp_path: Path, names: list[str], given: dict[str, str], body: str
) -> None:
    path = write(tmp_path, [{**ENTRY, "parameters": names}])
    (expected,) = load("lead.reference").load_reference(path, given)
    assert expected.response.body == body.encode()


@pytest.mark.parametrize(
    ("names", "problem"),
    [(["n"], "--parameters: n is missing"), ("n", "no list of names"), ([1], "no list of names")],
)
def test_parameters_that_are_missing_or_no_names_are_refused(
    load: Load, tmp_path: Path, names: object, problem: str
) -> None:
    path = write(tmp_path, [{**ENTRY, "parameters": names}])
    with pytest.raises(load("worker.plan").InputError, match=problem):
        load("lead.reference").load_reference(path, {})


@pytest.mark.parametrize("value", ["n", "n=", "=7", "n=1,m"])
def test_an_assignment_without_name_or_value_is_refused(load: Load, value: str) -> None:
    plan = load("worker.plan")
    with pytest.raises(plan.InputError, match="is no NAME=VALUE"):
        plan.assignments("--parameters", value)
