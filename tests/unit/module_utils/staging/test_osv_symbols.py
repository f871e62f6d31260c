"""Symbols that OSv's kernel does not provide are listed before anything is booted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab.staging.osv_symbols import (
    Missing,
    dynamic_symbols,
    missing_symbols,
    notice,
    program_of,
)
from trees import compile_c

from contracts.errors import InputError

LOADER = os.environ.get("UNILAB_OSV_LOADER", "")
SHARED = ("-shared", "-fPIC", "-nostdlib")


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A file that exports what a kernel does, as far as a symbol table shows."""
    path = tmp_path / "kernel.elf"
    compile_c(
        "void known(void) {} int data = 1; static void hidden(void) {} void use(void) { hidden(); }",
        path,
        *SHARED,
    )
    return path


def library(path: Path, needs: str, defines: str = "", *options: str) -> None:
    """A shared library that calls ``needs``, names with commas, and defines ``defines``."""
    calls = "".join(f"{name}();" for name in needs.split(",") if name)
    declared = "".join(f"void {name}(void);" for name in needs.split(",") if name)
    defined = "".join(f"void {name}(void) {{}}" for name in defines.split(",") if name)
    compile_c(f"{declared}{defined}void from_{path.name[0]}(void) {{ {calls} }}", path, *SHARED, *options)


def test_symbols_that_nothing_provides_are_listed(tmp_path: Path, kernel: Path) -> None:
    library(tmp_path / "tree/usr/lib/b.so", "", "other", "-Wl,-soname,b.so")
    library(tmp_path / "tree/app/a.so", "known,other,absent,hidden", "", f"-Wl,{tmp_path}/tree/usr/lib/b.so")
    assert missing_symbols(tmp_path / "tree", kernel) == [Missing("app/a.so", ("absent", "hidden"))]


def test_files_that_are_not_loaded_provide_nothing(tmp_path: Path, kernel: Path) -> None:
    library(tmp_path / "tree/usr/lib/b.so", "", "other")
    library(tmp_path / "tree/app/a.so", "other")
    assert missing_symbols(tmp_path / "tree", kernel) == [Missing("app/a.so", ("other",))]


def test_program_and_its_libraries_come_first_and_other_programs_do_not_count(
    tmp_path: Path, kernel: Path
) -> None:
    tree = tmp_path / "tree"
    library(tree / "usr/lib/z.so", "gone", "other", "-Wl,-soname,z.so")
    program = (
        "void other(void); void gone(void); void exported(void) {} int main(void) { other(); return 0; }"
    )
    options = (f"-Wl,{tree}/usr/lib/z.so", "-Wl,--unresolved-symbols=ignore-all", "-rdynamic")
    compile_c(program, tree / "app/server", *options)
    compile_c("void absent(void); int main(void) { absent(); return 0; }", tree / "app/tool", *options)
    library(tree / "app/plugin.so", "exported,other,lacking")
    found = [one for one in missing_symbols(tree, kernel, "app/server") if one.path != "app/server"]
    assert found == [
        Missing("usr/lib/z.so", ("gone",)),
        Missing("app/plugin.so", ("lacking",), at_start=False),
    ]


@pytest.mark.parametrize(
    ("line", "program"),
    [("/app/a x", "app/a"), ("--env=A=/b --ip=x /link", "app/a"), ("", ""), ("/none", ""), ("--verbose", "")],
)
def test_program_of_a_command_line(tmp_path: Path, line: str, program: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/a").write_text("")
    (tmp_path / "link").symlink_to("/app/a")
    assert program_of(tmp_path, line) == program


def test_weak_symbols_need_not_be_there(tmp_path: Path, kernel: Path) -> None:
    source = "void absent(void) __attribute__((weak)); void f(void) { if (absent) absent(); }"
    compile_c(source, tmp_path / "tree/a.so", *SHARED)
    assert missing_symbols(tmp_path / "tree", kernel) == []


def test_data_counts_as_functions_do(tmp_path: Path, kernel: Path) -> None:
    compile_c("extern int data, gone; int f(void) { return data + gone; }", tmp_path / "tree/a.so", *SHARED)
    assert missing_symbols(tmp_path / "tree", kernel) == [Missing("a.so", ("gone",))]


def test_versions_do_not_count(tmp_path: Path, kernel: Path) -> None:
    """A program of glibc needs puts@GLIBC_2.2.5; a kernel that has puts without a version provides it."""
    compile_c("int puts(const char *text) { return 0; }", tmp_path / "puts.elf", *SHARED)
    compile_c('#include <stdio.h>\nint main(void) { puts("x"); return 0; }', tmp_path / "tree/server")
    assert "puts" in {name for one in missing_symbols(tmp_path / "tree", kernel) for name in one.symbols}
    with_puts = missing_symbols(tmp_path / "tree", tmp_path / "puts.elf")
    assert "puts" not in {name for one in with_puts for name in one.symbols}


def test_libraries_that_osv_brings_are_not_read(tmp_path: Path, kernel: Path) -> None:
    library(tmp_path / "tree/usr/lib/libstdc++.so.6", "absent", "other")
    library(tmp_path / "tree/app/a.so", "other")
    assert missing_symbols(tmp_path / "tree", kernel) == [Missing("app/a.so", ("other",))]


def test_other_files_static_programs_and_damaged_ones_need_nothing(tmp_path: Path, kernel: Path) -> None:
    compile_c("int main(void) { return 0; }", tmp_path / "tree/static", "-static")
    (tmp_path / "tree/text").write_text("x")
    (tmp_path / "tree/damaged").write_bytes(kernel.read_bytes()[:100])
    assert missing_symbols(tmp_path / "tree", kernel) == []


def test_section_headers_may_be_missing(tmp_path: Path, kernel: Path) -> None:
    whole = dynamic_symbols(kernel)
    stripped = bytearray(kernel.read_bytes())
    stripped[40:48] = bytes(8)  # e_shoff of elf(5)
    stripped[60:64] = bytes(4)  # e_shnum, e_shstrndx
    kernel.write_bytes(stripped)
    without = dynamic_symbols(kernel)
    assert whole and without
    assert {"known", "data"} <= without.defined <= whole.defined
    assert "hidden" not in whole.defined


@pytest.mark.parametrize("content", [b"no ELF file", b"\x7fELF" + bytes(60)])
def test_kernel_without_symbols_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "kernel").write_bytes(content)
    with pytest.raises(InputError, match=r"kernel: (has no dynamic symbols|damaged ELF file)"):
        missing_symbols(tmp_path / "tree", tmp_path / "kernel")


def test_notice_names_the_first_files_and_symbols() -> None:
    symbols = [f"s{index}" for index in range(7)]
    rows = [{"path": f"/lib/{number}.so", "symbols": symbols, "at_start": number < 5} for number in range(7)]
    text = notice(rows)
    assert "/lib/0.so needs s0, s1, s2, s3, s4 and 2 more; /lib/1.so needs" in text
    assert "; 2 more files; 2 libraries that the program may open. " in text
    assert "Remedy: " in text


@pytest.mark.skipif(not LOADER.endswith(".elf"), reason="UNILAB_OSV_LOADER names no kernel ELF of OSv")
def test_real_kernel_provides_what_a_c_program_needs(tmp_path: Path) -> None:
    declarations = "#include <stdio.h>\n#include <spawn.h>\n"
    compile_c(
        declarations + 'int main(void) { printf("%p", (void *)posix_spawn); return 0; }',
        tmp_path / "tree/server",
    )
    subprocess.run(["strip", str(tmp_path / "tree/server")], check=True)
    assert missing_symbols(tmp_path / "tree", Path(LOADER)) == [Missing("server", ("posix_spawn",))]
