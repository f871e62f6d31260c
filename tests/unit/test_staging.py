from __future__ import annotations

import json
import os
import stat
import tarfile
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.tree import artifact_sha256, listing, listing_sha256
from ansible.module_utils.unilab.staging import BuildError, Staged, build, is_built, stage
from packages import about, mpm, native, package
from trees import service, staged

from contracts.errors import InputError
from contracts.manifest import load_manifest


def test_tree_holds_what_every_runtime_needs(tmp_path: Path) -> None:
    done = staged(tmp_path)
    for folder in ("dev", "proc", "sys", "tmp", "data", "etc"):
        assert (done.tree / folder).is_dir()
    assert (done.tree / "etc/mnttab").readlink() == Path("/proc/mounts")
    mounted = {
        line.split()[1]: line.split()[2] for line in (done.tree / "etc/fstab").read_text().splitlines()
    }
    assert mounted == {"/dev": "devfs", "/proc": "procfs", "/sys": "sysfs", "/tmp": "ramfs"}
    assert "localhost" in (done.tree / "etc/hosts").read_text()
    assert done.libc == []


def test_artifact_is_the_hash_of_all_but_itself(tmp_path: Path) -> None:
    done = staged(tmp_path)
    assert (done.tree / "etc/unilab/artifact").read_text() == done.artifact_sha256 + "\n"
    assert listing_sha256(listing(done.tree)) == done.artifact_sha256
    paths = [json.loads(line)[0] for line in listing(done.tree)]
    assert "etc/unilab" in paths
    assert "etc/unilab/artifact" not in paths
    assert paths == sorted(paths)


def test_modes_are_normalised_and_owners_do_not_count(tmp_path: Path) -> None:
    done = staged(tmp_path)
    assert stat.S_IMODE((done.tree / "app/server").stat().st_mode) == 0o755
    assert stat.S_IMODE((done.tree / "etc/hosts").stat().st_mode) == 0o644
    (tmp_path / "service/server").chmod(0o711)
    again = stage(load_manifest(tmp_path / "service/Capstanfile"), done.tree, write=True)
    assert not again.changed


def test_second_staging_changes_nothing_and_a_new_byte_something(tmp_path: Path) -> None:
    done = staged(tmp_path)
    manifest = load_manifest(tmp_path / "service/Capstanfile")
    assert done.changed
    before = (done.tree / "app/server").stat().st_ino
    again = stage(manifest, done.tree, write=True)
    assert not again.changed
    assert (done.tree / "app/server").stat().st_ino == before
    (tmp_path / "service/server").write_text("#!/bin/ash\n")
    third = stage(manifest, done.tree, write=True)
    assert third.changed
    assert third.artifact_sha256 != done.artifact_sha256
    assert artifact_sha256(done.tree) == third.artifact_sha256
    [changed] = set(third.after) - set(third.before)
    assert json.loads(changed)[0] == "app/server"


@pytest.mark.parametrize("damaged", ["app/server", "etc/unilab/artifact"])
def test_a_damaged_tree_is_staged_again(tmp_path: Path, damaged: str) -> None:
    done = staged(tmp_path)
    (done.tree / damaged).write_text("something else\n")
    again = stage(load_manifest(tmp_path / "service/Capstanfile"), done.tree, write=True)
    assert again.changed
    assert artifact_sha256(done.tree) == done.artifact_sha256 == again.artifact_sha256


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    manifest = load_manifest(service(tmp_path / "service"))
    told = stage(manifest, tmp_path / "trees/tree", write=False)
    assert told.changed
    assert [child.name for child in tmp_path.iterdir()] == ["service"]


def test_nothing_is_left_aside(tmp_path: Path) -> None:
    staged(tmp_path)
    staged(tmp_path)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["service", "tree"]


def test_directories_merge_and_rootfs_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    for path in ("ROOTFS/etc/motd", "site/a/one.py", "more/a/two.py"):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(path)
    done = staged(tmp_path, {"/app/server": "&", "/app/site": "site", "//app/site/": "more"})
    assert (done.tree / "etc/motd").read_text() == "ROOTFS/etc/motd"
    assert (done.tree / "app/site/a/one.py").is_file()
    assert (done.tree / "app/site/a/two.py").is_file()


@pytest.mark.parametrize(
    ("files", "key", "problem"),
    [
        ({"/app/server": "nothing"}, "files./app/server", "'nothing' does not exist"),
        ({"/app/server": "../other"}, "files./app/server", "leaves the service's folder"),
        ({"/app/x": "server", "/app//x": "server"}, "files./app/x", "/app/x is put there by files./app//x"),
        ({"/app": "server", "/app/x": "server"}, "files./app/x", "/app is put there by files./app"),
        ({"/etc/hosts": "server"}, "files./etc/hosts", "put there by the laboratory as well"),
        ({"/etc/unilab/artifact": "server"}, "files", "written by the laboratory"),
        ({"/": "server"}, "files./", "put there by the root itself"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, files: dict[str, str], key: str, problem: str) -> None:
    (tmp_path / "other").write_text("")
    with pytest.raises(InputError) as caught:
        staged(tmp_path, files)
    assert caught.value.key == key
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize(
    ("target", "fits"),
    [
        ("server", True),
        ("/app/d/server", True),
        ("../d/server", True),
        ("/proc/self/exe", True),
        ("../../../server", False),
        ("/usr/bin/server", False),
        ("loop", False),
    ],
)
def test_symlinks_stay_in_the_tree(tmp_path: Path, target: str, fits: bool) -> None:
    folder = tmp_path / "service/d"
    folder.mkdir(parents=True)
    (folder / "server").write_text("")
    (folder / "loop").symlink_to(target)
    if fits:
        done = staged(tmp_path, {"/app/d": "d"})
        assert str((done.tree / "app/d/loop").readlink()) == target
    else:
        with pytest.raises(
            InputError, match=r"symlink /app/d/loop -> .* leaves the tree or points to nothing"
        ):
            staged(tmp_path, {"/app/d": "d"})


def test_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "service/d").mkdir(parents=True)
    os.mkfifo(tmp_path / "service/d/pipe")
    with pytest.raises(InputError, match="/app/pipe would be a device, pipe or socket"):
        staged(tmp_path, {"/app": "d"})


def test_a_folder_that_is_no_staged_tree_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/precious").write_text("")
    with pytest.raises(InputError, match="not a staged tree"):
        staged(tmp_path)
    assert (tmp_path / "tree/precious").exists()


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


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        staged(tmp_path, cmdline="/go.so /app/server", base="someone/go")
    assert caught.value.key == "cmdline"
    assert "the program /go.so is not in the tree" in str(caught.value)
    assert "base images are not read" in str(caught.value)
    assert not (tmp_path / "tree").exists()


def test_a_program_that_only_osv_would_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service/plain").write_text("")
    done = staged(tmp_path, {"/app/plain": "plain"}, cmdline="/app/plain", base="someone/go")
    base, executable = done.notices
    assert base.startswith("base: 'someone/go' is not read")
    assert executable == "cmdline: /app/plain is not executable: OSv starts it, Linux and Docker do not"


def test_a_path_that_does_not_begin_at_the_root_begins_there(tmp_path: Path) -> None:
    done = staged(tmp_path, {"app/server": "server"}, cmdline="./app/server")
    assert (done.tree / "app/server").is_file()


def _staged_package(tmp_path: Path, **keys: object) -> Staged:
    files = {"server": "own", "etc/own.conf": "own", "src/main.c": "", ".capstanignore": "/src\n"}
    path = package(tmp_path / "app", files, native("/server"), **keys)
    return stage(load_manifest(path, tmp_path / "packages"), tmp_path / "tree", write=True)


def test_packages_are_copied_in_order_and_the_application_wins(tmp_path: Path) -> None:
    shelf = tmp_path / "packages"
    one = {"server": "one", "lib/a.txt": "one", "lib/b.txt": "one", "meta/doc.txt": ""}
    package(shelf / "one", one, native("/one"))
    two = {
        "meta/package.yaml": about("two"),
        "/lib/b.txt": "two",
        "lib/c.txt": "two",
        "./etc/own.conf": "two",
    }
    mpm(shelf / "two.mpm", two)
    done = _staged_package(tmp_path, require=["one", "two"])
    text = {
        path: (done.tree / path).read_text() for path in ("server", "lib/a.txt", "lib/b.txt", "lib/c.txt")
    }
    assert text == {"server": "own", "lib/a.txt": "one", "lib/b.txt": "two", "lib/c.txt": "two"}
    assert (done.tree / "etc/own.conf").read_text() == "own"
    assert (done.tree / "run/default").read_text() == "/server\n"
    assert not (done.tree / "src").exists()
    assert not (done.tree / "meta").exists()
    again = stage(done.manifest, done.tree, write=True)
    assert not again.changed


def test_links_of_a_package_stay_links(tmp_path: Path) -> None:
    symbolic, hard = tarfile.TarInfo(), tarfile.TarInfo()
    symbolic.type, symbolic.linkname = tarfile.SYMTYPE, "a.txt"
    hard.type, hard.linkname = tarfile.LNKTYPE, "lib/a.txt"
    content = {"meta/package.yaml": about("one"), "lib/a.txt": "x", "lib/b.txt": symbolic, "lib/c.txt": hard}
    mpm(tmp_path / "packages/one.mpm", content)
    done = _staged_package(tmp_path, require=["one"])
    assert (done.tree / "lib/b.txt").readlink() == Path("a.txt")
    assert (done.tree / "lib/c.txt").read_text() == "x"


def test_a_packages_own_fstab_is_left_out_and_told(tmp_path: Path) -> None:
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), "etc/fstab": "", "etc/one": ""})
    done = _staged_package(tmp_path, require=["one"])
    assert done.notices == ("package one: /etc/fstab is left out: the laboratory writes it",)
    assert "devfs" in (done.tree / "etc/fstab").read_text()
    assert (done.tree / "etc/one").is_file()


@pytest.mark.parametrize(
    ("name", "kind", "linkname", "problem"),
    [
        ("etc", tarfile.SYMTYPE, "/tmp", "/etc is put there by the laboratory as well"),
        ("lib/x", tarfile.SYMTYPE, "../../../etc", "leaves the tree or points to nothing in it"),
        ("lib/x", tarfile.SYMTYPE, "x", "leaves the tree or points to nothing in it"),
        ("lib/x", tarfile.FIFOTYPE, "", "/lib/x would be a device or pipe"),
        ("lib/x", tarfile.CHRTYPE, "", "/lib/x would be a device or pipe"),
    ],
)
def test_what_a_package_may_not_hold(
    tmp_path: Path, name: str, kind: bytes, linkname: str, problem: str
) -> None:
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, linkname
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), name: member})
    with pytest.raises(InputError, match=problem):
        _staged_package(tmp_path, require=["one"])
    assert not (tmp_path / "tree").exists()


def test_no_package_writes_through_anothers_symlink(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = tarfile.TarInfo()
    link.type, link.linkname = tarfile.SYMTYPE, str(outside)
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), "lib": link})
    mpm(tmp_path / "packages/two.mpm", {"meta/package.yaml": about("two"), "lib/x": "x"})
    with pytest.raises(InputError, match="/lib is put there by package one as well"):
        _staged_package(tmp_path, require=["one", "two"])
    assert not list(outside.iterdir())


def test_a_package_is_built_once_its_program_is_there(tmp_path: Path) -> None:
    manifest = load_manifest(package(tmp_path / "app", run=native("/bin/server"), build="touch built"))
    assert not is_built(manifest)
    build(manifest)
    assert (tmp_path / "app/built").is_file()
    (tmp_path / "app/bin").mkdir()
    (tmp_path / "app/bin/server").write_text("")
    assert is_built(manifest)
