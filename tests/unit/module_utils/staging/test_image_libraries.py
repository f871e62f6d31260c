"""The C library of an image leaves its tree for the libc set; other libraries are put where OSv looks."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.libc import libc_files, root_entries
from ansible.module_utils.unilab.images.tree import listing
from ansible.module_utils.unilab.staging import Staged, stage
from containers import Content, layer, oci, symlink
from trees import compile_c

from contracts.errors import InputError
from contracts.manifest import load_manifest

MULTIARCH = f"usr/lib/{platform.machine()}-linux-gnu"
LOADER = "ld-linux-x86-64.so.2"
HOST = Path("/") / MULTIARCH

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not (HOST / LOADER).exists(),
    reason="needs Debian's C library on x86_64",
)


@pytest.fixture
def debian(tmp_path: Path) -> dict[str, Content]:
    """An image as Debian's: merged /usr, and a program that needs libouter (a link), which needs libinner."""
    build = tmp_path / "build"
    compile_c(
        "int inner(void) { return 41; }",
        build / "libinner.so.2",
        "-shared",
        "-fPIC",
        "-Wl,-soname,libinner.so.2",
    )
    outer = "int inner(void); int outer(void) { return inner() + 1; }"
    needs = (f"-Wl,{build}/libinner.so.2", "-Wl,--no-as-needed")
    compile_c(outer, build / "libouter.so.1.0", "-shared", "-fPIC", "-Wl,-soname,libouter.so.1", *needs)
    main = '#include <stdio.h>\nint outer(void); int main(void) { printf("%d\\n", outer()); return 0; }'
    linked = (f"-Wl,{build}/libouter.so.1.0", f"-Wl,-rpath-link,{build}")
    compile_c(main, build / "server", *linked)
    return {
        "lib": symlink("usr/lib"),
        "lib64": symlink("usr/lib64"),
        f"usr/lib64/{LOADER}": symlink(f"../lib/{platform.machine()}-linux-gnu/{LOADER}"),
        f"{MULTIARCH}/{LOADER}": (HOST / LOADER).read_bytes(),
        f"{MULTIARCH}/libc.so.6": (HOST / "libc.so.6").read_bytes(),
        f"{MULTIARCH}/libinner.so.2": (build / "libinner.so.2").read_bytes(),
        f"{MULTIARCH}/libouter.so.1": symlink("libouter.so.1.0"),
        f"{MULTIARCH}/libouter.so.1.0": (build / "libouter.so.1.0").read_bytes(),
        "app/server": (build / "server").read_bytes(),
    }


def staged(folder: Path, members: dict[str, Content], **run: object) -> Staged:
    oci(folder / "service/image.tar", [layer(members)], **run)
    (folder / "service/Capstanfile").write_text("from: image.tar\n")
    return stage(load_manifest(folder / "service"), folder / "tree", write=True)


def root_of(done: Staged, folder: Path) -> Path:
    """The root file system that Docker and a Linux guest get."""
    for entry in root_entries(done.tree, libc_files([file.as_dict() for file in done.libc])):
        here = folder / entry.path
        if entry.kind == "directory":
            here.mkdir(parents=True)
        elif entry.kind == "symlink":
            here.symlink_to(entry.target)
        else:
            shutil.copyfile(entry.source, here)
            here.chmod(entry.mode)
    return folder


def test_c_library_of_the_image_leaves_the_tree(tmp_path: Path, debian: dict[str, Content]) -> None:
    done = staged(tmp_path, debian)
    guests = {file.guest for file in done.libc}
    assert guests == {f"/usr/lib64/{LOADER}", f"/{MULTIARCH}/{LOADER}", f"/{MULTIARCH}/libc.so.6"}
    assert not any((done.tree / guest.lstrip("/")).exists() for guest in guests)
    assert all(Path(file.host).parent == tmp_path / "tree.libc" for file in done.libc)
    assert Path(done.libc[0].host).read_bytes()
    assert done.notices == ()


def test_other_libraries_are_where_osv_looks(tmp_path: Path, debian: dict[str, Content]) -> None:
    done = staged(tmp_path, debian)
    for name in ("libouter.so.1", "libinner.so.2"):
        assert (done.tree / "usr/lib" / name).is_file()
        assert not (done.tree / "usr/lib" / name).is_symlink()


def test_program_runs_with_the_libc_set(tmp_path: Path, debian: dict[str, Content]) -> None:
    root = root_of(staged(tmp_path, debian), tmp_path / "root")
    library_path = f"{root}/usr/lib:{root}/{MULTIARCH}"
    command = [str(root / MULTIARCH / LOADER), "--library-path", library_path, str(root / "app/server")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "42\n"


def test_staging_again_changes_nothing(tmp_path: Path, debian: dict[str, Content]) -> None:
    first = staged(tmp_path, debian)
    before = listing(first.tree)
    again = staged(tmp_path, debian)
    assert not again.changed
    assert again.libc == first.libc
    assert listing(first.tree) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "service", "tree", "tree.libc"]


def test_library_that_the_program_lacks_is_named(tmp_path: Path, debian: dict[str, Content]) -> None:
    del debian[f"{MULTIARCH}/libinner.so.2"]
    with pytest.raises(
        InputError, match=r"libouter\.so\.1: needs libinner\.so\.2, which the image does not hold"
    ):
        staged(tmp_path, debian)
    assert not (tmp_path / "tree").exists()


def test_library_that_another_file_lacks_gives_a_notice(tmp_path: Path, debian: dict[str, Content]) -> None:
    debian["opt/plugin.so"] = debian.pop(f"{MULTIARCH}/libouter.so.1.0")
    debian["app/server"] = debian[f"{MULTIARCH}/libc.so.6"]
    del debian[f"{MULTIARCH}/libinner.so.2"]
    [dangling, lacking] = staged(tmp_path, debian).notices
    assert "libouter.so.1: they point to nothing in the image" in dangling
    assert lacking.startswith("from: /opt/plugin.so needs libinner.so.2, which the image does not hold")
    assert "Remedy: " in lacking


def test_static_program_needs_no_libc_set(tmp_path: Path) -> None:
    compile_c("int main(void) { return 0; }", tmp_path / "build/server", "-static")
    done = staged(tmp_path, {"app/server": (tmp_path / "build/server").read_bytes()})
    assert done.libc == []
    assert not (tmp_path / "tree.libc").exists() or not list((tmp_path / "tree.libc").iterdir())


def test_damaged_elf_files_of_an_image_do_not_stop_it(tmp_path: Path, debian: dict[str, Content]) -> None:
    library = debian[f"{MULTIARCH}/libinner.so.2"]
    assert isinstance(library, bytes)
    for number in range(0, 64, 4):
        debian[f"opt/{number}.so"] = library[:number] + b"\xff\xff\xff\xff" + library[number + 4 :]
    debian["opt/short.so"] = library[:70]
    assert staged(tmp_path, debian).files > 17
