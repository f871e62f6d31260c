from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.recorded import make_once


def _write(path: Path) -> None:
    path.write_text("content")


def _must_not(path: Path) -> None:
    raise AssertionError(f"{path} was made again")


def test_made_once_and_not_again(tmp_path: Path) -> None:
    path = tmp_path / "images/disk"
    first = make_once(path, {"a": 1, "b": 2}, _write, check_mode=False)
    assert (first.changed, first.bytes, first.sha256) == (True, len("content"), sha256_of(path))
    again = make_once(path, {"b": 2, "a": 1}, _must_not, check_mode=False)
    assert (again.changed, again.bytes, again.sha256) == (False, first.bytes, first.sha256)
    assert sorted(child.name for child in path.parent.iterdir()) == ["disk", "disk.json"]


@pytest.mark.parametrize("damage", ["content", "record", "recipe", "missing"])
def test_made_again_when_anything_differs(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "disk"
    make_once(path, {"a": 1}, _write, check_mode=False)
    recipe = {"a": 1}
    if damage == "content":
        path.write_text("CONTENT")
    elif damage == "record":
        (tmp_path / "disk.json").write_text("[")
    elif damage == "recipe":
        recipe = {"a": 2}
    else:
        path.unlink()
    assert make_once(path, recipe, _must_not, check_mode=True).changed
    assert make_once(path, recipe, _write, check_mode=False).changed
    assert path.read_text() == "content"


def test_check_mode_makes_nothing(tmp_path: Path) -> None:
    told = make_once(tmp_path / "images/disk", {}, _must_not, check_mode=True)
    assert (told.changed, told.sha256) == (True, None)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    make_once(path, {"a": 1}, _write, check_mode=False)

    def fail(new: Path) -> None:
        new.write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        make_once(path, {"a": 2}, fail, check_mode=False)
    assert path.read_text() == "content"
    assert sorted(child.name for child in tmp_path.iterdir()) == ["disk", "disk.json"]
