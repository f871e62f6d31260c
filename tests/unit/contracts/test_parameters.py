"""Parameters of workloads: declared once, checked, and the same cells as before there were any."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from campaigns import make_study
from pydantic import ValidationError

from analysis.__main__ import main
from analysis.records.cells import CellKey
from contracts import cell as cells
from contracts import study as studies
from contracts import workload as workloads
from contracts.campaign import read_campaign
from contracts.cell import Cell
from contracts.study import load_study
from contracts.trial import TrialRecord
from contracts.workload import Parameter, Value, Workload, parameters_of_text, parameters_text

# A study, and a campaign of two trials, written by version 0.2.0.
OLD = Path(__file__).parent / "campaign_of_0_2"
EXPECTED: dict[str, Any] = json.loads((OLD / "expected.json").read_text())


def test_a_study_of_0_2_has_the_same_hash_and_cells() -> None:
    study = load_study(OLD / "demo.yml")
    assert "array_length: 300" in (OLD / "demo.yml").read_text()
    assert study.sha256 == EXPECTED["demo"]["sha256"]
    assert [cell.slug for cell in study.cells()] == EXPECTED["demo"]["slugs"]
    assert study.parameters_of("bubble_sort") == {"array_length": 300} and study.parameters_of("todos") == {}


def test_a_campaign_of_0_2_has_the_same_hash_and_cells(tmp_path: Path) -> None:
    campaign = read_campaign(OLD)
    assert campaign.study.sha256 == campaign.study_sha256 == EXPECTED["campaign"]["sha256"]
    assert [trial.cell.slug for trial in campaign.trials] == EXPECTED["campaign"]["slugs"]
    for trial in campaign.trials:
        text = (OLD / "trials" / trial.directory / "trial.json").read_text()
        assert TrialRecord.model_validate_json(text).cell == trial.cell
        assert CellKey.of(trial.cell).slug == trial.cell.slug
    shutil.copytree(OLD, tmp_path / "old")
    assert main(["table", str(tmp_path / "old")]) == 0


def test_the_oldest_parameter_changes_the_hash_as_its_key_did() -> None:
    lengths = [20_000, 300]
    given = [make_study(parameters={"bubble_sort": {"array_length": length}}).sha256 for length in lengths]
    assert len(set(given)) == 2 and make_study(parameters={}).sha256 == given[0]


def test_both_forms_of_a_study_are_refused_together() -> None:
    with pytest.raises(ValidationError, match="older form of parameters"):
        make_study(array_length=300)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"bubble_sort": {"array_length": 1}}, "array_length: 1 is less than 2"),
        ({"bubble_sort": {"array_length": 2.5}}, "array_length: 2.5 is no integer"),
        ({"bubble_sort": {"array_length": "many"}}, "array_length: 'many' is no integer"),
        ({"bubble_sort": {"size": 3}}, "no parameter 'size'; it declares: array_length"),
        ({"todos": {"array_length": 3}}, "workload todos has no parameter 'array_length'; it declares: none"),
        ({"shop": {}}, "unknown workload 'shop'"),
    ],
)
def test_a_value_that_is_not_declared_is_refused(parameters: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        make_study(parameters=parameters)


NUMBER = Parameter("ratio", "number", 0.5, "r", "ratio {}", least=0)
TEXT = Parameter("mode", "text", "plain", "m", "mode {}")


@pytest.mark.parametrize(
    ("parameter", "value", "read"),
    [(NUMBER, 1, 1.0), (NUMBER, 0, 0.0), (NUMBER, 2.25, 2.25), (TEXT, "a.b-c_1", "a.b-c_1")],
)
def test_values_have_the_declared_type(parameter: Parameter, value: Value, read: Value) -> None:
    found = parameter.checked(value)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("parameter", "value", "problem"),
    [
        (NUMBER, True, "is no number"),
        (NUMBER, -0.1, "less than 0"),
        (NUMBER, float("nan"), "less than 0"),
        (NUMBER, float("inf"), "not finite"),
        (TEXT, 3, "is no text"),
        (TEXT, "a b", "other characters"),
        (TEXT, "", "other characters"),
    ],
)
def test_other_values_are_refused(parameter: Parameter, value: Value, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parameter.checked(value)


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workload bubble_sort with two parameters more."""
    (length,) = workloads.WORKLOADS["bubble_sort"].parameters
    sort = Workload("bubble_sort", (length, NUMBER, TEXT))
    monkeypatch.setitem(workloads.WORKLOADS, "bubble_sort", sort)
    for module in (workloads, studies, cells):
        monkeypatch.setattr(module, "PARAMETERS", {each.name: each for each in sort.parameters})


@pytest.mark.usefixtures("three")
def test_a_new_parameter_is_part_of_cell_name_hash_and_row() -> None:
    study = make_study(parameters={"bubble_sort": {"mode": "fast"}}, services=["bubble_sort-go"])
    cell = study.cells()[0]
    assert cell.parameters == {"array_length": 20_000, "ratio": 0.5, "mode": "fast"}
    assert cell.slug.endswith("-256mib-n20000-mfast-r0.5") and cell.slug == CellKey.of(cell).slug
    text = parameters_text(cell.parameters)
    assert text == "array_length=20000 mode=fast ratio=0.5"
    assert parameters_of_text(text) == cell.parameters
    assert Cell.model_validate_json(cell.model_dump_json()) == cell
    assert study.sha256 != make_study(parameters={}, services=["bubble_sort-go"]).sha256


@pytest.mark.usefixtures("three")
def test_a_default_that_is_named_does_not_change_the_hash() -> None:
    named = make_study(parameters={"bubble_sort": {"mode": "plain", "ratio": 0.5}})
    assert named.sha256 == make_study(parameters={}).sha256


def test_cells_are_excluded_by_a_parameter() -> None:
    everything = make_study()
    fewer = make_study(exclude=[{"array_length": 2000, "arm": "docker"}])
    dropped = set(everything.cells()) - set(fewer.cells())
    assert {(cell.service, cell.arm) for cell in dropped} == {("bubble_sort-go", "docker")}


def test_a_cell_with_an_unknown_parameter_is_refused() -> None:
    content = make_study().cells()[0].model_dump() | {"parameters": {"size": 3}}
    with pytest.raises(ValidationError, match="no workload declares the parameter 'size'"):
        Cell.model_validate(content)
