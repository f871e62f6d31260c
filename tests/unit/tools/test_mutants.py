"""Mutation testing: which places are mutated, which tests a mutant is run against, and how a run ends."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="cosmic-ray is installed by `make mutants`")

from tools.mutants import __main__ as program
from tools.mutants.__main__ import PACKAGES, PROJECT
from tools.mutants.places import Mutant, sample
from tools.mutants.trial import PASSED, run_tests

SOURCE = """from __future__ import annotations


def larger(first: int | None, second: int = 3) -> int | None:
    limit: int | float = 2
    return first if first is not None and first > second + limit else None
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "larger.py"
    path.write_text(SOURCE)
    return path


def test_the_same_seed_gives_the_same_sample(module: Path) -> None:
    drawn = [sample([module], module.parent, 3, seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 3


def test_every_mutant_changes_one_line_and_no_annotation(module: Path) -> None:
    mutants = sample([module], module.parent, 1000, 1)
    assert len(mutants) == len(set(mutants)) > 4
    for mutant in mutants:
        assert mutant.code(SOURCE) != SOURCE
        removed, added = mutant.diff(SOURCE).splitlines()
        assert (removed[0], added[0]) == ("-", "+")
        assert "int | None, second" not in removed or "int | None, second" in added
        assert "int | float" not in removed or "int | float" in added


def test_a_place_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no place 99"):
        Mutant("larger.py", "core/NumberReplacer", 99, 1).code(SOURCE)


@pytest.mark.parametrize(
    ("package", "module", "expected"),
    [
        ("contracts", "contracts/study.py", "tests/unit/contracts/test_study.py"),
        ("contracts", "contracts/images/container_image.py", "tests/unit/module_utils/staging/"),
        (
            "module_utils",
            "module_utils/unilab/images/osv/rofs.py",
            "tests/unit/module_utils/images/osv/test_rofs.py",
        ),
        ("estimates", "analysis/estimates/rank.py", "tests/unit/analysis/estimates/test_estimates.py"),
        ("unilab_load", "locustfiles/unilab_load/wire/head.py", "tests/unit/unilab_load/wire/test_head.py"),
    ],
)
def test_a_module_is_tested_by_the_files_that_import_it(package: str, module: str, expected: str) -> None:
    found = program.TestFiles(PACKAGES[package], PROJECT).of(module)
    assert any(path.startswith(expected) for path in found)


@pytest.mark.parametrize(("body", "code"), [("assert True", PASSED), ("assert False", 1)])
def test_a_run_ends_with_the_code_of_its_tests(tmp_path: Path, body: str, code: int) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "test_it.py").write_text(f"def test_it() -> None:\n    {body}\n")
    assert run_tests(["test_it.py"], tmp_path, 60, 120).code == code


def test_a_run_without_an_end_is_stopped_at_its_limit(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "test_it.py").write_text("def test_it() -> None:\n    while True:\n        pass\n")
    assert run_tests(["test_it.py"], tmp_path, 2, 600).code == -1
