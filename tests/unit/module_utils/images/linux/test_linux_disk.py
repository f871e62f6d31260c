from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.libc import LibcFile
from ansible.module_utils.unilab.images.linux.disk import recipe, write_disk
from trees import staged

needs_squashfs = pytest.mark.skipif(
    shutil.which("mksquashfs") is None or shutil.which("unsquashfs") is None,
    reason="no squashfs-tools: install them to test with real disks",
)


@needs_squashfs
def test_the_disk_holds_the_tree_and_libc_uncompressed(tmp_path: Path) -> None:
    done = staged(tmp_path)
    libc = LibcFile.at("/usr/lib/libc.so.6", done.tree / "etc/hosts")
    disk = tmp_path / "disk"
    write_disk(done.tree, [libc], disk)
    subprocess.run(["unsquashfs", "-no-progress", "-d", tmp_path / "out", disk], check=True)
    wanted = {path.relative_to(done.tree) for path in done.tree.rglob("*")}
    found = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")}
    assert found == wanted | {Path("usr"), Path("usr/lib"), Path("usr/lib/libc.so.6")}
    for path in wanted:
        if (done.tree / path).is_file():
            assert (tmp_path / "out" / path).read_bytes() == (done.tree / path).read_bytes()
    listed = subprocess.run(["unsquashfs", "-lln", disk], check=True, capture_output=True, text=True).stdout
    rows = [line for line in listed.splitlines() if " squashfs-root" in line]
    assert {row.split()[1] for row in rows} == {"0/0"}
    assert {row.split()[3] for row in rows} == {"1970-01-01"}
    assert b"#!/bin/sh" in disk.read_bytes()


@needs_squashfs
def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    done = staged(tmp_path)
    write_disk(done.tree, [], tmp_path / "a")
    (done.tree / "app/server").touch()
    write_disk(done.tree, [], tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@needs_squashfs
def test_what_mksquashfs_says_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="mksquashfs made no disk"):
        write_disk(staged(tmp_path).tree, [], tmp_path / "no/such/folder/disk")


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = staged(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="install the package squashfs-tools"):
        write_disk(done.tree, [], tmp_path / "disk")


def test_the_recipe_follows_tree_and_libc(tmp_path: Path) -> None:
    done = staged(tmp_path)
    libc = LibcFile.at("/usr/lib/libc.so.6", done.tree / "etc/hosts")
    assert recipe(done.tree, []) == recipe(done.tree, [])
    assert recipe(done.tree, []) != recipe(done.tree, [libc])
