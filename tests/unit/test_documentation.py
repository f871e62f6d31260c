"""Documentation of modules, filters and roles: complete, printed by ansible-doc, in step with the code."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

PROJECT = Path(__file__).resolve().parent.parent.parent
MODULE_FILES = {path.stem: path for path in sorted((PROJECT / "library").rglob("*.py"))}
MODULES = sorted(MODULE_FILES)
ROLES = sorted(path.name for path in (PROJECT / "roles").iterdir() if (path / "tasks").is_dir())
FILTER_FILES = sorted((PROJECT / "filter_plugins").rglob("*.py"))

Options = Mapping[str, Any]


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"documented_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILTERS = sorted(name for path in FILTER_FILES for name in _load(path).FilterModule().filters())


def _ansible_doc(*arguments: str) -> dict[str, Any]:
    command = [Path(sys.executable).with_name("ansible-doc"), "--json", *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@pytest.fixture(scope="module")
def modules() -> dict[str, Any]:
    """What ansible-doc prints of each module, documentation fragments merged in."""
    return _ansible_doc("-t", "module", *MODULES)


@pytest.fixture(scope="module")
def filters() -> dict[str, Any]:
    """What ansible-doc prints of each filter."""
    return _ansible_doc("-t", "filter", *FILTERS)


@pytest.fixture(scope="module")
def roles() -> dict[str, Any]:
    """What ansible-doc prints of each role."""
    return _ansible_doc("-t", "role", "--roles-path", "roles", *ROLES)


class _Specified(Exception):
    """Raised in place of running a module; carries its argument spec."""


def _argument_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> Options:
    def report(*_: object, argument_spec: Options, **__: object) -> None:
        raise _Specified(argument_spec)

    monkeypatch.setattr(basic, "AnsibleModule", report)
    module = _load(MODULE_FILES[name])
    with pytest.raises(_Specified) as specified:
        module.main()
    spec: Options = specified.value.args[0]
    return spec


def _differences(documented: Options, specified: Options, where: str = "") -> list[str]:
    """One line for each option, or property of one, that differs."""
    lines = [f"{where}{name}: only documented" for name in documented.keys() - specified.keys()]
    lines += [f"{where}{name}: not documented" for name in specified.keys() - documented.keys()]
    for name in documented.keys() & specified.keys():
        document, spec = documented[name], specified[name]
        absent = {"type": "str", "required": False, "default": None, "choices": None, "elements": None}
        lines += [
            f"{where}{name}.{key}: documented {document.get(key, no)!r}, specified {spec.get(key, no)!r}"
            for key, no in absent.items()
            if document.get(key, no) != spec.get(key, no)
        ]
        lines += _differences(document.get("suboptions", {}), spec.get("options", {}), f"{where}{name}.")
    return sorted(lines)


@pytest.mark.parametrize("name", MODULES)
def test_module_documentation_matches_argument_spec(
    name: str, modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _differences(modules[name]["doc"]["options"], _argument_spec(name, monkeypatch)) == []


@pytest.mark.parametrize(
    ("documented", "specified", "difference"),
    [
        ({"a": {"type": "int"}}, {"a": {"type": "str"}}, "a.type: documented 'int', specified 'str'"),
        ({"a": {}}, {"a": {"required": True}}, "a.required: documented False, specified True"),
        ({"a": {"default": 1}}, {"a": {"default": 2}}, "a.default: documented 1, specified 2"),
        ({"a": {}}, {}, "a: only documented"),
        (
            {"a": {"type": "dict", "suboptions": {}}},
            {"a": {"type": "dict", "options": {"b": {}}}},
            "a.b: not documented",
        ),
    ],
)
def test_difference_of_documentation_and_spec_is_found(
    documented: Options, specified: Options, difference: str
) -> None:
    assert _differences(documented, specified) == [difference]


def _undescribed(options: Options) -> list[str]:
    return [
        name
        for name, option in options.items()
        if not option.get("description") or _undescribed(option.get("suboptions", option.get("options", {})))
    ]


@pytest.mark.parametrize("name", MODULES)
def test_module_is_documented_completely(name: str, modules: dict[str, Any]) -> None:
    doc = modules[name]["doc"]
    assert doc["version_added"] and doc["short_description"] and doc["description"]
    assert _undescribed(doc["options"]) == []
    tasks = yaml.safe_load(modules[name]["examples"])
    assert tasks and all(name in task for task in tasks)
    results = modules[name]["return"]
    assert all(result["description"] and "sample" in result for result in results.values())


@pytest.mark.parametrize("name", MODULES)
def test_module_examples_name_documented_options(name: str, modules: dict[str, Any]) -> None:
    known = modules[name]["doc"]["options"].keys()
    for task in yaml.safe_load(modules[name]["examples"]):
        assert set(task[name] or {}) <= known


@pytest.mark.parametrize("name", FILTERS)
def test_filter_is_documented_completely(name: str, filters: dict[str, Any]) -> None:
    doc = filters[name]["doc"]
    assert doc["version_added"] and doc["short_description"] and doc["description"]
    assert "_input" in doc["options"] and _undescribed(doc["options"]) == []
    assert f"| {name}" in filters[name]["examples"]
    assert filters[name]["return"]["_value"]["description"]


def test_every_filter_document_belongs_to_a_filter() -> None:
    assert sorted(path.stem for path in (PROJECT / "filter_plugins").rglob("*.yml")) == FILTERS


@pytest.mark.parametrize("name", ROLES)
def test_role_is_documented_completely(name: str, roles: dict[str, Any]) -> None:
    entry_points = roles[name]["entry_points"]
    assert "main" in entry_points
    for entry_point in entry_points.values():
        assert entry_point["short_description"] and entry_point["description"]
        assert _undescribed(entry_point["options"]) == []


@pytest.mark.parametrize("name", ROLES)
def test_role_defaults_are_documented_with_the_same_value(name: str) -> None:
    folder = PROJECT / "roles" / name
    defaults = yaml.safe_load((folder / "defaults/main.yml").read_text()) or {}
    specification = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
    options = {key: option for entry in specification.values() for key, option in entry["options"].items()}
    assert defaults.keys() <= options.keys()
    for key, option in options.items():
        if "default" in option:
            assert defaults.get(key) == option["default"], key
        assert key in defaults or option.get("required") or option.get("default") is None, key


def test_validate_modules_reports_a_fault(tmp_path: Path) -> None:
    """The checker that ``make lint`` runs refuses a module whose documentation differs from its spec."""
    source = (PROJECT / "library/images/linux_disk.py").read_text()
    correct = "description: A staged tree.\n    type: path"
    assert correct in source
    (tmp_path / "linux_disk.py").write_text(source.replace(correct, correct.replace("path", "int")))
    command = [sys.executable, PROJECT / "tools/validate_modules.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "doc-type-does-not-match-spec" in done.stdout or "'tree'" in done.stdout


def test_role_readmes_are_in_step() -> None:
    command = [sys.executable, PROJECT / "tools/role_docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_role_readme_shows_every_option() -> None:
    readme = (PROJECT / "roles/docker_engine/README.md").read_text()
    specification = yaml.safe_load((PROJECT / "roles/docker_engine/meta/argument_specs.yml").read_text())
    for name in specification["argument_specs"]["main"]["options"]:
        assert f"| `{name}` |" in readme
    assert "Undo: `docker_engine_state: absent`" in readme


FIGURATIVE = re.compile(r"\b(told|tells|beforehand|knock|anew|mended|bystanders?|left_?out)\b", re.IGNORECASE)
TEXTS = {".py", ".yml", ".j2", ".md", ".sh", ".c"}
# The changelog states what was named so at its time; this file names the words.
EXCEPTIONS = {"CHANGELOG.md", "tests/unit/test_documentation.py"}


def test_no_text_uses_a_figurative_word() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.splitlines() if Path(name).suffix in TEXTS and name not in EXCEPTIONS]
    assert len(names) > 400
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in names
        if (PROJECT / name).is_file()
        for number, line in enumerate((PROJECT / name).read_text(encoding="utf-8").splitlines(), 1)
        if FIGURATIVE.search(line)
    ]
    assert found == []
