"""The manifest's build command: where it runs, how it fails, and that its children cannot hold it up."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible.module_utils.unilab.staging import BuildError, build, is_built, stage
from packages import native, package
from trees import service

from contracts.manifest import load_manifest


def script(folder: Path, text: str) -> Path:
    """A service whose build command is the shell script ``text``."""
    path = service(folder, build="sh build.sh")
    (folder / "build.sh").write_text(text)
    return path


def test_build_runs_beside_the_manifest_without_a_shell(tmp_path: Path) -> None:
    manifest = load_manifest(service(tmp_path, {"/app/server": "$HOME"}, build="touch $HOME"))
    assert not is_built(manifest)
    build(manifest)
    assert (tmp_path / "$HOME").is_file()
    assert is_built(manifest)


def test_a_failed_build_shows_its_output(tmp_path: Path) -> None:
    manifest = load_manifest(service(tmp_path, build="ls no-such-file"))
    with pytest.raises(BuildError, match="key build: 'ls no-such-file' ended with status 2") as caught:
        build(manifest)
    assert "no-such-file" in caught.value.output


def test_a_missing_build_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot run 'no-such-tool'"):
        build(load_manifest(service(tmp_path, build="no-such-tool all")))


def test_background_program_does_not_hold_up_the_build(tmp_path: Path) -> None:
    path = script(tmp_path, "sleep 300 & echo $! >pid\n")
    began = time.monotonic()
    build(load_manifest(path))
    assert time.monotonic() - began < 100
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 60
    while _runs(pid):
        assert time.monotonic() < deadline, "the build's background program is still there"
        time.sleep(0.01)


def test_program_in_a_session_of_its_own_does_not_hold_up_the_build(tmp_path: Path) -> None:
    path = script(tmp_path, "setsid sleep 100 & echo $! >pid\nsleep 0.2\n")
    began = time.monotonic()
    build(load_manifest(path))
    assert time.monotonic() - began < 90
    os.kill(int((tmp_path / "pid").read_text()), 9)


def test_build_that_does_not_end_is_killed(tmp_path: Path) -> None:
    path = script(tmp_path, "echo waiting\nsleep 300\n")
    with pytest.raises(BuildError, match=r"key build: 'sh build\.sh' did not end within 1 s") as caught:
        build(load_manifest(path), timeout_s=1)
    assert "waiting" in caught.value.output


def test_only_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    path = script(tmp_path, "seq 1 100000\nexit 3\n")
    with pytest.raises(BuildError, match="ended with status 3") as caught:
        build(load_manifest(path))
    assert caught.value.output.endswith("100000\n")
    assert len(caught.value.output) <= 64 * 1024


def test_rootfs_that_the_build_makes_is_staged_at_once(tmp_path: Path) -> None:
    (tmp_path / "Capstanfile").write_text("build: sh make.sh\ncmdline: /bin/hello\n")
    (tmp_path / "make.sh").write_text(
        "mkdir -p ROOTFS/bin\necho >ROOTFS/bin/hello\nchmod 755 ROOTFS/bin/hello\n"
    )
    manifest = load_manifest(tmp_path)
    assert not is_built(manifest)
    build(manifest)
    assert is_built(manifest)
    done = stage(manifest, tmp_path / "tree", write=True)
    assert (done.tree / "bin/hello").is_file()
    assert not stage(load_manifest(tmp_path), tmp_path / "tree", write=True).changed


def test_named_rootfs_that_the_build_makes_is_staged_at_once(tmp_path: Path) -> None:
    (tmp_path / "Capstanfile").write_text("build: sh make.sh\nrootfs: image\ncmdline: /hello\n")
    (tmp_path / "make.sh").write_text("mkdir image\necho >image/hello\nchmod 755 image/hello\n")
    manifest = load_manifest(tmp_path)
    assert not is_built(manifest)
    build(manifest)
    assert (stage(manifest, tmp_path / "tree", write=True).tree / "hello").is_file()


def test_a_package_is_built_once_its_program_is_there(tmp_path: Path) -> None:
    manifest = load_manifest(package(tmp_path / "app", run=native("/bin/server"), build="touch built"))
    assert not is_built(manifest)
    build(manifest)
    assert (tmp_path / "app/built").is_file()
    (tmp_path / "app/bin").mkdir()
    (tmp_path / "app/bin/server").write_text("")
    assert is_built(manifest)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
