from __future__ import annotations

import errno
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.tree import artifact_sha256, listing, listing_sha256
from ansible.module_utils.unilab.staging import Staged, stage, staged_tree
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


def test_tree_is_replaced_only_when_a_byte_differs(tmp_path: Path) -> None:
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
    reported = stage(manifest, tmp_path / "trees/tree", write=False)
    assert reported.changed
    assert [child.name for child in tmp_path.iterdir()] == ["service"]


def test_no_work_folder_remains(tmp_path: Path) -> None:
    staged(tmp_path)
    staged(tmp_path)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["service", "tree"]


def test_folder_of_a_killed_run_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".tree.abandoned/tree/app").mkdir(parents=True)
    (tmp_path / ".tree.abandoned/lock").write_text("")
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


def test_folder_that_is_no_staged_tree_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/precious").write_text("")
    with pytest.raises(InputError, match="not a staged tree"):
        staged(tmp_path)
    assert (tmp_path / "tree/precious").exists()


def test_missing_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        staged(tmp_path, cmdline="/go.so /app/server", base="someone/go")
    assert caught.value.key == "cmdline"
    assert "the program /go.so is not in the tree" in str(caught.value)
    assert "base images are not read" in str(caught.value)
    assert not (tmp_path / "tree").exists()


def test_program_without_execute_permission_gives_a_notice(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service/plain").write_text("")
    done = staged(tmp_path, {"/app/plain": "plain"}, cmdline="/app/plain", base="someone/go")
    base, executable = done.notices
    assert base.startswith("base: 'someone/go' is not read")
    assert executable.startswith("cmdline: /app/plain is not executable: OSv starts it, Linux and Docker")


def test_relative_guest_path_begins_at_the_root(tmp_path: Path) -> None:
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


def test_fstab_of_a_package_is_not_copied(tmp_path: Path) -> None:
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), "etc/fstab": "", "etc/one": ""})
    done = _staged_package(tmp_path, require=["one"])
    assert done.notices == (
        "package one: /etc/fstab is not copied: the laboratory writes it. Remedy: remove it",
    )
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
def test_links_out_of_the_tree_and_devices_of_a_package_are_refused(
    tmp_path: Path, name: str, kind: bytes, linkname: str, problem: str
) -> None:
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, linkname
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), name: member})
    with pytest.raises(InputError, match=problem):
        _staged_package(tmp_path, require=["one"])
    assert not (tmp_path / "tree").exists()


def test_package_cannot_write_through_a_symlink_of_another(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = tarfile.TarInfo()
    link.type, link.linkname = tarfile.SYMTYPE, str(outside)
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), "lib": link})
    mpm(tmp_path / "packages/two.mpm", {"meta/package.yaml": about("two"), "lib/x": "x"})
    with pytest.raises(InputError, match="/lib is put there by package one as well"):
        _staged_package(tmp_path, require=["one", "two"])
    assert not list(outside.iterdir())


@pytest.mark.parametrize("folder", ["dev", "proc", "sys", "tmp"])
def test_program_in_a_folder_that_the_boot_hides_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InputError, match=f"the program /{folder}/server is hidden at boot") as caught:
        staged(tmp_path, {f"/{folder}/server": "server"}, cmdline=f"/{folder}/server")
    assert caught.value.key == "cmdline"
    assert not (tmp_path / "tree").exists()


def test_program_behind_a_symlink_into_a_hidden_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "service/bin").mkdir(parents=True)
    (tmp_path / "service/bin/run").symlink_to("/proc/self/exe")
    with pytest.raises(InputError, match="the program /bin/run is hidden at boot"):
        staged(tmp_path, {"/bin": "bin"}, cmdline="/bin/run")


def test_other_file_in_a_hidden_folder_gives_a_notice(tmp_path: Path) -> None:
    done = staged(tmp_path, {"/app/server": "server", "/tmp/cache": "server"})
    [notice] = done.notices
    assert notice.startswith("files./tmp/cache: /tmp/cache is hidden at boot")
    assert "Remedy: " in notice


def test_program_below_data_is_not_hidden(tmp_path: Path) -> None:
    assert staged(tmp_path, {"/data/server": "server"}, cmdline="/data/server").notices == ()


def test_program_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the program /app is a directory"):
        staged(tmp_path, {"/app/server": "server"}, cmdline="/app")


def _link(target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.linkname = tarfile.LNKTYPE, target
    return member


@pytest.mark.parametrize(
    "target", ["lib/none", "lib/self", "../../etc/passwd", "lib/soft", "lib", "meta/package.yaml"]
)
def test_hard_link_to_no_earlier_file_of_the_package_is_refused(tmp_path: Path, target: str) -> None:
    soft = tarfile.TarInfo()
    soft.type, soft.linkname = tarfile.SYMTYPE, "/etc/passwd"
    content = {"meta/package.yaml": about("one"), "lib/soft": soft, "lib/self": _link(target)}
    mpm(tmp_path / "packages/one.mpm", content)
    with pytest.raises(InputError, match=r"is a hard link to|leaves the tree") as caught:
        _staged_package(tmp_path, require=["one"])
    assert caught.value.file == str(tmp_path / "packages/one.mpm")


def test_hard_link_to_a_file_of_another_package_is_refused(tmp_path: Path) -> None:
    mpm(tmp_path / "packages/one.mpm", {"meta/package.yaml": about("one"), "lib/a": "x"})
    mpm(tmp_path / "packages/two.mpm", {"meta/package.yaml": about("two"), "lib/b": _link("lib/a")})
    with pytest.raises(
        InputError, match="/lib/b is a hard link to /lib/a, which is no file that comes before"
    ):
        _staged_package(tmp_path, require=["one", "two"])


def test_full_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

    manifest = load_manifest(service(tmp_path / "service"))
    monkeypatch.setattr(staged_tree, "copy_files", fail)
    with pytest.raises(InputError, match=r"cannot write it: No space left on device \(somewhere\)"):
        stage(manifest, tmp_path / "tree", write=True)
    assert not (tmp_path / "tree").exists()
