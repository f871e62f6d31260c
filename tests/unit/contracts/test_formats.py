"""docs/formats.md lists the keys of every contract, no more and no less, and its example is valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from contracts.campaign import Campaign, NotRun, Stopped
from contracts.capstan.capstanfile import Capstanfile
from contracts.capstan.package import Package
from contracts.capstan.run import JavaSet, NativeSet, NodeSet, PythonSet, RunFile
from contracts.cell import Cell
from contracts.images.prebuilt import PrebuiltImage
from contracts.loads import Boots, Load, NetworkPath, Pilots, StudyCaps
from contracts.plan import PlannedTrial
from contracts.study import Headline, Study
from contracts.trial import (
    Boot,
    CapReading,
    Caps,
    Ended,
    Footprint,
    Generator,
    GeneratorProcess,
    Identity,
    Instance,
    Link,
    LoadResult,
    SearchStep,
    StudyReference,
    TrialRecord,
)
from contracts.warm_up import CellWarmUp
from contracts.work.counted import Work, WorkCounts, WorkPeriod, WorkPerRequest

FORMATS = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
MODELS: tuple[type[BaseModel], ...] = (
    *(
        Study,
        NetworkPath,
        StudyCaps,
        Boots,
        Pilots,
        CellWarmUp,
        Headline,
        Stopped,
        Load,
        Capstanfile,
        Package,
        RunFile,
        NativeSet,
        NodeSet,
        PythonSet,
        JavaSet,
    ),
    *(PrebuiltImage, Campaign, NotRun, PlannedTrial, Cell, TrialRecord, StudyReference),
    *(Instance, Caps, CapReading, Identity, Boot, LoadResult, SearchStep, Generator, GeneratorProcess, Link),
    *(Footprint, Work, WorkPeriod, WorkCounts, WorkPerRequest, Ended),
)


def documented() -> dict[str, dict[str, str]]:
    """Section -> key -> its column 'default'."""
    sections = re.split(r"^### (\w+)\n", FORMATS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    row = re.compile(r"^\| `([\w-]+)` \|[^|]*\|([^|]*)\|", re.MULTILINE)
    return {
        name: {key: default.strip() for key, default in row.findall(text.split("\n## ")[0])}
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_model_has_a_section_and_every_section_a_model() -> None:
    assert set(documented()) == {model.__name__ for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_keys_are_those_of_the_model(model: type[BaseModel]) -> None:
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert list(documented()[model.__name__]) == keys


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_defaults_are_those_of_the_model(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        reported = documented()[model.__name__][field.alias or name]
        if field.is_required():
            assert reported == ""
        elif field.default not in (None, ""):
            assert yaml.safe_load(reported.strip("`")) == field.default


def test_the_example_is_a_valid_study() -> None:
    example = re.search(r"```yaml\n(.*?)```", FORMATS.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert example
    assert len(Study.model_validate(yaml.safe_load(example[1])).cells()) == 2
