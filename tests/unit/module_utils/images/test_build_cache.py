from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.build_cache import Written, make_once


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


def test_what_a_writer_tells_is_kept_beside_the_file(tmp_path: Path) -> None:
    def write(path: Path) -> Written:
        _write(path)
        return Written("its hash", {"lines": ["a", "b"]})

    path = tmp_path / "disk"
    made = make_once(path, {"a": 1}, write, check_mode=False)
    assert (made.sha256, made.facts, made.facts_before) == ("its hash", {"lines": ["a", "b"]}, {})
    reported = make_once(path, {"a": 2}, write, check_mode=True)
    assert (reported.facts, reported.facts_before) == ({}, {"lines": ["a", "b"]})


def test_a_kept_file_tells_the_same_again(tmp_path: Path) -> None:
    def write(path: Path) -> Written:
        _write(path)
        return Written(None, {"lines": ["a"]})

    path = tmp_path / "disk"
    made = make_once(path, {}, write, check_mode=False)
    again = make_once(path, {}, _must_not, check_mode=False)
    assert (again.sha256, again.facts) == (made.sha256, made.facts)
    assert again.facts_before == again.facts == {"lines": ["a"]}


@pytest.mark.parametrize("above", ["file", "/proc/unilab"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, above: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match=r"disk: cannot write it: .*Remedy: give a folder that can be written"):
        make_once(tmp_path / above / "disk", {}, _must_not, check_mode=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o555)
    with pytest.raises(LabError, match="disk: cannot write it: Permission denied"):
        make_once(tmp_path / "folder/disk", {}, _must_not, check_mode=False)


def test_check_mode_makes_nothing(tmp_path: Path) -> None:
    reported = make_once(tmp_path / "images/disk", {}, _must_not, check_mode=True)
    assert (reported.changed, reported.sha256) == (True, None)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    make_once(path, {"a": 1}, _write, check_mode=False)

    def fail(new: Path) -> None:
        new.write_text("half")
        raise OSError("no space")

    with pytest.raises(LabError, match=r"disk: cannot write it: no space. Remedy: "):
        make_once(path, {"a": 2}, fail, check_mode=False)
    assert path.read_text() == "content"
    assert sorted(child.name for child in tmp_path.iterdir()) == ["disk", "disk.json"]
