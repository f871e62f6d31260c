"""Work folders are removed even where their maker was killed, and never while it lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.module_utils.unilab.work_folder import work_folder

PROJECT = Path(__file__).resolve().parents[3]
HOLD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from unilab.work_folder import work_folder
with work_folder(Path(sys.argv[2])) as folder:
    print(folder, flush=True)
    time.sleep(300)
"""


def holder(destination: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that holds a work folder, and the folder."""
    arguments = [sys.executable, "-c", HOLD, str(PROJECT / "module_utils"), str(destination)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_folder_is_removed_after_use_and_after_an_error(tmp_path: Path) -> None:
    with work_folder(tmp_path / "tree") as folder:
        assert folder.parent == tmp_path
    with pytest.raises(ZeroDivisionError), work_folder(tmp_path / "tree"):
        _ = 1 // 0
    assert not list(tmp_path.iterdir())


def test_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    process, abandoned = holder(tmp_path / "tree")
    (abandoned / "half").write_text("")
    os.kill(process.pid, 9)
    process.communicate()
    assert abandoned.is_dir()
    with work_folder(tmp_path / "tree"):
        assert not abandoned.exists()


def test_folder_of_a_living_process_stays(tmp_path: Path) -> None:
    process, held = holder(tmp_path / "tree")
    try:
        with work_folder(tmp_path / "tree") as own:
            assert held.is_dir()
            assert own != held
    finally:
        process.kill()
        process.communicate()


def test_folders_of_other_names_and_without_lock_stay(tmp_path: Path) -> None:
    for name in (".tree.abc", ".other.abc"):
        (tmp_path / name).mkdir()
    (tmp_path / ".other.abc/lock").write_text("")
    with work_folder(tmp_path / "tree"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.abc", ".tree.abc"]
