"""Symbols that programs and libraries of a tree need and that neither the tree nor OSv's kernel provides.

OSv is the C library and the dynamic linker: it looks up each undefined dynamic symbol in its kernel's own
dynamic symbol table and in the libraries of the tree. Versions of symbols do not count (OSv, core/elf.cc,
object::symbol and program::lookup). A program with a missing symbol starts, and is aborted when it first uses
the symbol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.unilab.images.libc import LIBRARY_FOLDER, OSV_BRINGS
from ansible.module_utils.unilab.images.tree import walk
from ansible.module_utils.unilab.staging.elf_closure import SEGMENTS_MAX, Elf, read_elf, read_elf_file
from ansible.module_utils.unilab.staging.guest_paths import resolved
from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from contracts.errors import InputError

SYMBOLS_MAX = 1_000_000
_SHOWN_FILES, _SHOWN_SYMBOLS = 3, 5


@dataclass(frozen=True)
class Symbols:
    """Names in one dynamic symbol table: those that the file defines for others, and those that it needs."""

    defined: frozenset[str]
    needed: frozenset[str]


@dataclass(frozen=True)
class Missing:
    """Symbols that the file ``path`` of a tree needs and that nothing provides, sorted.

    ``at_start`` holds for the program and the libraries that are loaded with it, not for what it may open
    later.
    """

    path: str
    symbols: tuple[str, ...]
    at_start: bool = True


def dynamic_symbols(path: Path) -> Symbols | None:
    """The dynamic symbols of the ELF file ``path``; None where it is none, or has no dynamic symbol table.

    Raises InputError for a damaged file.
    """
    return read_elf_file(path, _read)


def missing_symbols(tree: Path, kernel: Path, program: str = "") -> list[Missing]:
    """What files of ``tree`` need and neither they nor OSv's ``kernel``, an ELF file, provide.

    ``program`` is the program's path in the tree: it comes first with its libraries, then shared libraries
    that it may open; other programs do not count. Without it every file counts for itself. Damaged files are
    skipped. Raises InputError where the kernel has no dynamic symbols.
    """
    exported = dynamic_symbols(kernel)
    if exported is None or not exported.defined:
        raise InputError(kernel, "", "has no dynamic symbols", "give OSv's kernel ELF, loader.elf")
    files = _Files(tree)
    loaded = files.closure(program) if program in files.symbols else {}
    others = [
        path
        for path in sorted(files.symbols)
        if path not in loaded and not (loaded and files.is_program(path))
    ]
    rows = []
    for path in (*loaded, *others):
        scope = {**loaded, **files.closure(path)}
        provided = exported.defined.union(*(files.symbols[one].defined for one in scope))
        names = files.symbols[path].needed - provided
        if names:
            rows.append(Missing(path, tuple(sorted(names)), not loaded or path in loaded))
    return rows


def program_of(tree: Path, command_line: str) -> str:
    """The path in ``tree`` of the program in OSv's ``command_line``, links followed; "" for none."""
    words = (word for word in command_line.split() if not word.startswith("-"))
    return resolved(tree, next(words, "").lstrip("/")) or ""


def notice(missing: Sequence[Mapping[str, Any]]) -> str:
    """One line that names the first files and symbols; ``missing`` has the keys of Missing."""
    first = [row for row in missing if row["at_start"]]
    shown = []
    for row in first[:_SHOWN_FILES]:
        names = row["symbols"]
        more = f" and {len(names) - _SHOWN_SYMBOLS} more" if len(names) > _SHOWN_SYMBOLS else ""
        shown.append(f"{row['path']} needs {', '.join(names[:_SHOWN_SYMBOLS])}{more}")
    if len(first) > _SHOWN_FILES:
        shown.append(f"{len(first) - _SHOWN_FILES} more files")
    if len(missing) > len(first):
        shown.append(f"{len(missing) - len(first)} libraries that the program may open")
    return (
        f"OSv's kernel lacks symbols: {'; '.join(shown)}. A program is aborted when it first "
        "uses one. Remedy: none is needed where it does not; else take another kernel, or another build of it"
    )


class _Files:
    """The ELF files of a tree, each read once."""

    def __init__(self, tree: Path) -> None:
        self.symbols: dict[str, Symbols] = {}
        self._elves: dict[str, Elf] = {}
        self._by_name: dict[str, str] = {}
        for entry in walk(tree):
            name = PurePosixPath(entry.path).name
            # What OSv has itself is never loaded from the tree.
            if name in OSV_BRINGS or entry.kind == "directory":
                continue
            if entry.kind == "symlink":
                target = resolved(tree, entry.path)
                if target is not None:
                    self._by_name.setdefault(name, target)
                continue
            try:
                symbols, elf = dynamic_symbols(entry.source), read_elf(entry.source)
            except InputError:
                continue
            if symbols is not None and elf is not None:
                self.symbols[entry.path], self._elves[entry.path] = symbols, elf
                if entry.path.startswith(f"{LIBRARY_FOLDER}/") or name not in self._by_name:
                    self._by_name[name] = entry.path

    def is_program(self, path: str) -> bool:
        """Whether the file is started, not loaded by another."""
        return bool(self._elves[path].interpreter)

    def closure(self, path: str) -> dict[str, None]:
        """The file and the libraries that are loaded with it, in this order."""
        found: dict[str, None] = {}
        waiting = [path]
        while waiting:
            one = waiting.pop(0)
            if one in found or one not in self.symbols:
                continue
            found[one] = None
            waiting += [self._by_name[name] for name in self._elves[one].needed if name in self._by_name]
        return found


def _read(elf: ELFFile) -> Symbols | None:
    table = _table(elf)
    if table is None:
        return None
    if table.num_symbols() > SYMBOLS_MAX:
        raise ELFError(f"more than {SYMBOLS_MAX} symbols")
    defined: set[str] = set()
    needed: set[str] = set()
    for symbol in table.iter_symbols():
        binding = symbol["st_info"]["bind"]
        if not symbol.name or binding == "STB_LOCAL":
            continue
        if symbol["st_shndx"] != "SHN_UNDEF":
            defined.add(symbol.name)
        elif binding != "STB_WEAK":
            needed.add(symbol.name)
    return Symbols(frozenset(defined), frozenset(needed))


def _table(elf: ELFFile) -> Any:
    """The dynamic symbol table, by its section where there is one: a hash table may not count them all."""
    section = elf.get_section_by_name(".dynsym")
    if section is not None:
        return section
    if elf.num_segments() > SEGMENTS_MAX:
        raise ELFError(f"{elf.num_segments()} segments")
    segments = (one for one in elf.iter_segments() if isinstance(one, DynamicSegment))
    return next(segments, None)
