"""Symbols that programs and libraries of a tree need and that neither the tree nor OSv's kernel provides.

OSv is the C library and the dynamic linker: it looks up each undefined dynamic symbol in its kernel's own
dynamic symbol table and in the libraries of the tree. Versions of symbols do not count (OSv, core/elf.cc,
object::symbol and program::lookup). A program with a missing symbol starts, and is aborted when it first uses
the symbol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.unilab.images.libc import OSV_BRINGS
from ansible.module_utils.unilab.images.tree import walk
from ansible.module_utils.unilab.staging.elf_closure import DAMAGED, SEGMENTS_MAX
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
    """Symbols that the file ``path`` of a tree needs and that nothing provides, sorted."""

    path: str
    symbols: tuple[str, ...]


def dynamic_symbols(path: Path) -> Symbols | None:
    """The dynamic symbols of the ELF file ``path``; None where it is none, or has no dynamic symbol table.

    Raises InputError for a damaged file.
    """
    with path.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return None
        try:
            return _read(ELFFile(stream))
        except DAMAGED as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(path, "", f"damaged ELF file: {reason}", "build it again") from None


def missing_symbols(tree: Path, kernel: Path) -> list[Missing]:
    """What the files of ``tree`` need and neither they nor OSv's ``kernel``, an ELF file, provide.

    Files that are damaged are skipped. Raises InputError where the kernel has no dynamic symbols.
    """
    exported = dynamic_symbols(kernel)
    if exported is None or not exported.defined:
        raise InputError(kernel, "", "has no dynamic symbols", "give OSv's kernel ELF, loader.elf")
    found = dict(_tables(tree))
    provided = set(exported.defined).union(*(one.defined for one in found.values()))
    rows = ((path, one.needed - provided) for path, one in sorted(found.items()))
    return [Missing(path, tuple(sorted(names))) for path, names in rows if names]


def notice(missing: Sequence[Mapping[str, Any]]) -> str:
    """One line that names the first files and symbols; ``missing`` has the keys path and symbols."""
    shown = []
    for row in missing[:_SHOWN_FILES]:
        names = row["symbols"]
        more = f" and {len(names) - _SHOWN_SYMBOLS} more" if len(names) > _SHOWN_SYMBOLS else ""
        shown.append(f"{row['path']} needs {', '.join(names[:_SHOWN_SYMBOLS])}{more}")
    files = f"; {len(missing) - _SHOWN_FILES} more files" if len(missing) > _SHOWN_FILES else ""
    return (
        f"OSv's kernel lacks symbols: {'; '.join(shown)}{files}. A program is aborted when it first "
        "uses one. Remedy: none is needed where it does not; else take another kernel, or another build of it"
    )


def _tables(tree: Path) -> Iterator[tuple[str, Symbols]]:
    for entry in walk(tree):
        # What OSv brings itself is never loaded from the tree.
        if entry.kind != "file" or PurePosixPath(entry.path).name in OSV_BRINGS:
            continue
        try:
            symbols = dynamic_symbols(entry.source)
        except InputError:
            continue
        if symbols is not None:
            yield entry.path, symbols


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
