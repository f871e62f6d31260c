from __future__ import annotations

from pathlib import Path

from trees import service
from xenservers import run


def test_check_mode_gives_no_hash_of_a_tree_that_is_not_there(tmp_path: Path) -> None:
    options = {"manifest": str(service(tmp_path / "service")), "path": str(tmp_path / "tree")}
    checked = run("staged_tree", check=True, **options)
    assert (checked["changed"], checked["artifact_sha256"]) == (True, "")
    assert not (tmp_path / "tree").exists()
    staged = run("staged_tree", **options)
    assert staged["changed"] and len(staged["artifact_sha256"]) == 64
    again = run("staged_tree", check=True, **options)
    assert (again["changed"], again["artifact_sha256"]) == (False, staged["artifact_sha256"])
