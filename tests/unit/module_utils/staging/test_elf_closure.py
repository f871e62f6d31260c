from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.libc import OSV_BRINGS, LibcFile, libc_files, root_entries
from ansible.module_utils.unilab.staging.elf_closure import closure, library_folders, read_elf
from trees import compile_c, staged

from contracts.errors import InputError

MAIN = "int main(void) { return 0; }"


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A library folder with libouter.so, which needs libinner.so."""
    folder = tmp_path / "libraries"
    compile_c("int inner(void) { return 1; }", folder / "libinner.so", "-shared", "-fPIC")
    outer = "int inner(void); int outer(void) { return inner(); }"
    compile_c(outer, folder / "libouter.so", "-shared", "-fPIC", f"-L{folder}", "-linner")
    return folder


def _program(tree: Path, libraries: Path, *options: str) -> Path:
    path = tree / "app/server"
    source = "int outer(void); int main(void) { return outer(); }"
    linked = (f"-L{libraries}", f"-Wl,-rpath-link,{libraries}", "-louter")
    compile_c(source, path, *linked, *options)
    return path


def test_needed_libraries_are_found_through_one_another(tmp_path: Path, libraries: Path) -> None:
    _program(tmp_path / "tree", libraries)
    found = closure(tmp_path / "tree", [libraries, *library_folders()])
    assert {"libouter.so", "libinner.so", "libgcc_s.so.1"} == set(found.shared)
    assert "/lib64/ld-linux-x86-64.so.2" in found.libc
    assert "/usr/lib/libc.so.6" in found.libc
    assert {Path(guest).name for guest in found.libc} <= OSV_BRINGS | {"ld-linux-x86-64.so.2"}


def test_runpath_with_origin_leads_to_the_trees_own_library(tmp_path: Path, libraries: Path) -> None:
    _program(tmp_path / "tree", libraries, "-Wl,-rpath,$ORIGIN/../own")
    own = tmp_path / "tree/own"
    own.mkdir()
    (libraries / "libouter.so").rename(own / "libouter.so")
    found = closure(tmp_path / "tree", [libraries, *library_folders()])
    assert "libouter.so" not in found.shared
    assert found.shared["libinner.so"] == libraries / "libinner.so"


def test_a_library_in_a_folder_nobody_searches_is_taken_from_the_machine(
    tmp_path: Path, libraries: Path
) -> None:
    _program(tmp_path / "tree", libraries)
    (tmp_path / "tree/wheel").mkdir()
    (tmp_path / "tree/wheel/libouter.so").write_bytes((libraries / "libouter.so").read_bytes())
    assert "libouter.so" in closure(tmp_path / "tree", [libraries, *library_folders()]).shared


def test_a_library_that_only_the_tree_has_is_loaded_by_path(tmp_path: Path, libraries: Path) -> None:
    _program(tmp_path / "tree", libraries)
    (tmp_path / "tree/server").mkdir()
    for name in ("libouter.so", "libinner.so"):
        (libraries / name).rename(tmp_path / "tree/server" / name)
    assert set(closure(tmp_path / "tree", library_folders()).shared) == {"libgcc_s.so.1"}


@pytest.mark.parametrize("folder", ["", "lib", "usr/lib/x86_64-linux-gnu"])
def test_a_library_that_only_one_runtime_would_find_is_put_where_both_look(
    tmp_path: Path, libraries: Path, folder: str
) -> None:
    tree = tmp_path / "tree"
    _program(tree, libraries)
    (tree / folder).mkdir(parents=True, exist_ok=True)
    (libraries / "libouter.so").rename(tree / folder / "libouter.so")
    found = closure(tree, [libraries, *library_folders()])
    assert found.shared["libouter.so"] == tree / folder / "libouter.so"
    assert found.shared["libinner.so"] == libraries / "libinner.so"


def test_a_library_that_is_opened_by_name_is_named_by_the_manifest(tmp_path: Path, libraries: Path) -> None:
    tree = tmp_path / "tree"
    compile_c(MAIN, tree / "server")
    found = closure(tree, [libraries, *library_folders()], ["libouter.so"])
    assert {"libouter.so", "libinner.so", "libgcc_s.so.1"} == set(found.shared)
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "usr/lib/libouter.so").write_bytes((libraries / "libouter.so").read_bytes())
    again = closure(tree, [libraries, *library_folders()], ["libouter.so"])
    assert set(again.shared) == {"libinner.so", "libgcc_s.so.1"}


def test_a_kernel_that_hides_its_libstdcxx_is_given_one(tmp_path: Path) -> None:
    compile_c(MAIN, tmp_path / "tree/server")
    assert "libstdc++.so.6" in closure(tmp_path / "tree", library_folders(), ["libstdc++.so.6"]).shared


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("libnowhere.so.9", "needs libnowhere.so.9, which neither"),
        ("/usr/lib/libz.so.1", "'/usr/lib/libz.so.1' is a path"),
        ("libc.so.6", "'libc.so.6' is the C library's, which OSv is itself"),
        ("ld-linux-x86-64.so.2", "is the C library's"),
    ],
)
def test_libraries_that_cannot_be_opened_are_refused(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "service").mkdir()
    compile_c(MAIN, tmp_path / "service/main")
    with pytest.raises(InputError) as caught:
        staged(tmp_path, {"/app/server": "main"}, libraries=[name])
    assert problem in str(caught.value)
    assert not (tmp_path / "tree").exists()


def test_libraries_need_a_program_that_opens_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key libraries: nothing in the tree could open"):
        staged(tmp_path, libraries=["libz.so.1"])


def test_a_library_found_nowhere_is_named(tmp_path: Path, libraries: Path) -> None:
    _program(tmp_path / "tree", libraries)
    (libraries / "libinner.so").unlink()
    with pytest.raises(InputError, match=r"/usr/lib/libouter\.so: needs libinner\.so"):
        closure(tmp_path / "tree", [libraries, *library_folders()])


def test_static_programs_and_other_files_need_nothing(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    compile_c(MAIN, tree / "server", "-static")
    (tree / "text").write_text("#!/bin/sh\n")
    (tree / "short").write_bytes(b"\x7fE")
    found = closure(tree, library_folders())
    assert (found.shared, found.libc) == ({}, {})


def test_a_damaged_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "server"
    path.write_bytes(b"\x7fELF" + b"\xff" * 100)
    with pytest.raises(InputError, match="damaged ELF file"):
        read_elf(path)


def test_configured_folders_come_before_those_built_in(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.conf").write_text(f"# own\n{tmp_path}/conf.d\n")
    configuration = tmp_path / "ld.so.conf"
    configuration.write_text(f"include {tmp_path}/conf.d/*.conf\n")
    folders = library_folders(configuration)
    assert folders[0] == tmp_path / "conf.d"
    assert Path("/usr/lib") in folders


def test_staging_adds_shared_libraries_and_leaves_libc_out(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    compile_c(MAIN, tmp_path / "service/main")
    done = staged(tmp_path, {"/app/server": "main"})
    assert [path.name for path in (done.tree / "usr/lib").iterdir()] == ["libgcc_s.so.1"]
    assert not list(done.tree.rglob("libc.so*"))
    rows = [file.as_dict() for file in done.libc]
    assert libc_files(rows) == done.libc
    paths = [entry.path for entry in root_entries(done.tree, done.libc)]
    assert paths == sorted(paths)
    assert {"lib64", "lib64/ld-linux-x86-64.so.2", "usr/lib/libc.so.6"} <= set(paths)


def test_a_libc_that_changed_since_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "libc.so.6"
    path.write_text("old")
    row = LibcFile.at("/usr/lib/libc.so.6", path).as_dict()
    path.write_text("new")
    with pytest.raises(InputError, match="changed or gone since the tree was staged"):
        libc_files([row])


@pytest.mark.parametrize("guest", ["/app/server", "/app/server/libc.so.6"])
def test_libc_takes_no_path_of_the_tree(tmp_path: Path, guest: str) -> None:
    done = staged(tmp_path)
    libc = LibcFile.at(guest, done.tree / "etc/hosts")
    with pytest.raises(InputError, match="/app/server stands where the libc set goes"):
        root_entries(done.tree, [libc])
