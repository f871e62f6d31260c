"""Sizes of folders and files, and which packages are installed."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import tomllib

PROJECT = Path(__file__).resolve().parents[2]
FOLDER_MAX_FILES = 20
FILE_MAX_LINES = 350
CODE = {".py", ".yml", ".yaml", ".j2", ".sh"}


def _files() -> list[Path]:
    """Files of the project outside tests/, relative to its root."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = map(Path, done.stdout.splitlines())
    return [path for path in paths if path.parts[0] != "tests" and (PROJECT / path).is_file()]


def test_no_folder_has_more_files_than_the_limit() -> None:
    sizes = Counter(path.parent for path in _files())
    assert {str(folder): size for folder, size in sizes.items() if size > FOLDER_MAX_FILES} == {}


def test_no_file_of_code_is_longer_than_the_limit() -> None:
    lines = {path: (PROJECT / path).read_text().count("\n") for path in _files() if path.suffix in CODE}
    assert len(lines) > 100
    assert {str(path): count for path, count in lines.items() if count > FILE_MAX_LINES} == {}


def test_every_package_is_installed() -> None:
    """pyproject.toml lists each folder with an ``__init__.py`` of the packages that are installed."""
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    packages = [path.parent.parts for path in _files() if path.name == "__init__.py"]
    names = [".".join(parts).removeprefix("locustfiles.") for parts in packages]
    roots = ("analysis", "contracts", "unilab", "unilab_load")
    assert sorted(listed) == sorted(name for name in names if name.split(".")[0] in roots)
