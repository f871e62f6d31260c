"""Required packages: their order, circles, and bounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from packages import native, package

from contracts.capstan import requirements
from contracts.capstan.package import open_folder
from contracts.errors import InputError


def order(folder: Path, graph: dict[str, list[str]]) -> list[str]:
    """The order of the packages that ``app`` requires; ``graph`` has what each requires."""
    for name, require in graph.items():
        package(folder / name, require=require)
    return list(requirements.required(open_folder(folder / "app/meta/package.yaml"), folder))


def last_copies(name: str, graph: dict[str, list[str]]) -> list[str]:
    """Capstan's own rule: all copies in post-order, of which only the last of each package counts."""

    def copies(one: str) -> list[str]:
        return [below for required in graph[one] for below in (*copies(required), required)]

    return list(reversed(dict.fromkeys(reversed(copies(name)))))


@pytest.mark.parametrize(
    "graph",
    [
        {"app": ["a", "b"], "a": [], "b": []},
        {"app": ["a", "b"], "a": ["c"], "b": ["c"], "c": []},
        {"app": ["c", "b", "a"], "a": ["c"], "b": [], "c": []},
        {"app": ["a", "c"], "a": ["c", "b"], "b": ["d"], "c": ["d"], "d": []},
        {"app": ["a", "b", "a"], "a": ["b"], "b": []},
        {"app": ["a", "d"], "a": ["b"], "b": ["c"], "c": ["d"], "d": []},
    ],
)
def test_order_is_that_of_the_last_copies(tmp_path: Path, graph: dict[str, list[str]]) -> None:
    assert order(tmp_path, graph) == last_copies("app", graph)


def test_shared_requirements_are_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_and_count(file: Path) -> object:
        opened.append(file.parent.parent.name)
        return open_folder(file)

    monkeypatch.setattr(requirements, "open_folder", open_and_count)
    graph = {f"p{level}{side}": [f"p{level + 1}a", f"p{level + 1}b"] for level in range(40) for side in "ab"}
    graph |= {"p40a": [], "p40b": [], "app": ["p0a", "p0b"]}
    began = time.process_time()
    assert len(order(tmp_path, graph)) == 82  # 2^41 ways lead there
    assert time.process_time() - began < 20
    assert sorted(opened) == sorted(set(opened))


def test_more_packages_than_allowed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "PACKAGES_MAX", 3)
    with pytest.raises(InputError, match="more than 3 packages are required"):
        order(tmp_path, {"app": ["a"], "a": ["b"], "b": ["c"], "c": ["d"], "d": []})


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"app": ["app"]}, "app -> app"),
        ({"app": ["a"], "a": ["b"], "b": ["a"]}, "app -> a -> b -> a"),
        ({"app": ["b", "a"], "a": ["b"], "b": ["app"]}, "app -> a -> b -> app"),
    ],
)
def test_circles_are_refused(tmp_path: Path, graph: dict[str, list[str]], circle: str) -> None:
    with pytest.raises(InputError, match=f"forms a circle: {circle}"):
        order(tmp_path, graph)


def test_interpreter_of_a_required_package_is_not_implied(tmp_path: Path) -> None:
    run = {"runtime": "node", "config_set": {"default": {"main": "/a.js"}}}
    package(tmp_path / "tool", run=run)
    package(tmp_path / "app", run=native("/a"), require=["tool"])
    found = requirements.required(open_folder(tmp_path / "app/meta/package.yaml"), tmp_path)
    assert list(found) == ["tool"]
