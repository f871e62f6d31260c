"""Which shared libraries the programs of a tree need, and where on the build machine they are.

Follows DT_NEEDED as ld.so(8) does: DT_RUNPATH or DT_RPATH with $ORIGIN, then /usr/lib of the tree, where
both OSv and Debian's ld.so look. What the tree holds where only one of them looks is put there as well;
then this machine is searched. A library that only the tree holds, in whatever folder, satisfies whoever
needs it, because a program such as Java loads its own by path in advance.
"""

from __future__ import annotations

import platform
import posixpath
import struct
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from ansible.module_utils.unilab.images.libc import GLIBC, LIBRARY_FOLDER, LOADER_PREFIXES, OSV_BRINGS
from ansible.module_utils.unilab.images.tree import Entry, walk
from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from contracts.errors import InputError

Content = TypeVar("Content")

# glibc opens it by name when a thread is cancelled or exits; nothing lists it as needed.
LOADED_BY_LIBC = "libgcc_s.so.1"
SEGMENTS_MAX, TAGS_MAX, _NAME_BYTES = 1000, 10_000, 4096
# What pyelftools raises for a file that is not what its headers state.
DAMAGED = (
    *(ELFError, ConstructError, struct.error, ValueError, LookupError, ArithmeticError),
    *(AttributeError, TypeError, AssertionError, RecursionError, OSError),
)


@dataclass(frozen=True)
class Elf:
    """What matters of one ELF file. ``kind`` is class and machine, such as "64 EM_X86_64"."""

    kind: str
    interpreter: str
    needed: tuple[str, ...]
    search: tuple[str, ...]

    @property
    def is_dynamic(self) -> bool:
        """Whether a dynamic linker has work to do."""
        return bool(self.interpreter or self.needed)


@dataclass
class Closure:
    """Files of the build machine that a tree lacks.

    Attributes:
        shared: library name -> path; they go into the tree, flat in /usr/lib.
        libc: absolute guest path -> path; they stay out of it (see libc.py).
    """

    shared: dict[str, Path] = field(default_factory=dict)
    libc: dict[str, Path] = field(default_factory=dict)


def read_elf(path: Path) -> Elf | None:
    """Read ``path``, or return None where it is no ELF program or shared library."""
    return read_elf_file(path, _read)


def read_elf_file(path: Path, read: Callable[[ELFFile], Content | None]) -> Content | None:
    """What ``read`` finds in the ELF file ``path``; None for another file. Raises InputError if damaged."""
    with path.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return None
        try:
            return read(ELFFile(stream))
        except DAMAGED as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(path, "", f"damaged ELF file: {reason}", "build it again") from None


def _read(elf: ELFFile) -> Elf | None:
    if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
        return None
    if elf.num_segments() > SEGMENTS_MAX:
        raise ELFError(f"{elf.num_segments()} segments")
    interpreter = ""
    texts: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RUNPATH": [], "DT_RPATH": []}
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_INTERP":
            if segment["p_filesz"] > _NAME_BYTES:
                raise ELFError("the interpreter's name is too long")
            interpreter = segment.get_interp_name()
        elif segment["p_type"] == "PT_DYNAMIC":
            for number, tag in enumerate(segment.iter_tags()):
                if number > TAGS_MAX:
                    raise ELFError(f"more than {TAGS_MAX} dynamic tags")
                if tag.entry.d_tag in texts:
                    texts[tag.entry.d_tag].append(getattr(tag, tag.entry.d_tag[3:].lower()))
    search = texts["DT_RUNPATH"] or texts["DT_RPATH"]
    folders = [folder for text in search for folder in text.split(":") if folder]
    return Elf(f"{elf.elfclass} {elf['e_machine']}", interpreter, tuple(texts["DT_NEEDED"]), tuple(folders))


def library_folders(configuration: Path = Path("/etc/ld.so.conf")) -> list[Path]:
    """The folders that this machine's ld.so searches: ld.so.conf's, then those built in."""
    built_in = [Path(name) for name in ("/lib", "/usr/lib", "/lib64", "/usr/lib64")]
    multiarch = f"{platform.machine()}-linux-gnu"
    folders = [*_configured(configuration), *(folder / multiarch for folder in built_in[:2]), *built_in]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _configured(configuration: Path) -> Iterable[Path]:
    if not configuration.is_file():
        return
    for line in configuration.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2 and words[0] == "include":
            for path in sorted(configuration.parent.glob(words[1].removeprefix(f"{configuration.parent}/"))):
                yield from _configured(path)
        elif len(words) == 1:
            yield Path(words[0])


def closure(tree: Path, folders: list[Path], opened: Sequence[str] = ()) -> Closure:
    """What ``tree`` lacks at the places that OSv and Linux both search, from itself or from ``folders``.

    ``opened`` are libraries that the programs open by name (dlopen), so that nothing lists them; they go into
    the tree even where OSv may have them, but for those of the C library itself.
    Raises InputError that names the library, and who needs it, where one is found nowhere.
    """
    entries = [entry for entry in walk(tree) if entry.kind != "directory"]
    in_tree = {entry.path for entry in entries}
    names = {PurePosixPath(path).name for path in in_tree}
    waiting = deque(_dynamic(entries))
    found = Closure()
    _add_unlisted(waiting, opened, found, in_tree, folders)
    while waiting:
        path, elf = waiting.popleft()
        if elf.interpreter and elf.interpreter not in found.libc:
            name = PurePosixPath(elf.interpreter).name
            found.libc[elf.interpreter] = _require(name, path, elf, folders)[0]
        for name in elf.needed:
            guest = f"/{LIBRARY_FOLDER}/{name}"
            known = name in found.shared or guest in found.libc or name.startswith(LOADER_PREFIXES)
            if known or searched(path, elf, name) & in_tree:
                continue
            own = _elsewhere_in_tree(name, entries)
            if own is not None:
                found.shared[name] = own
                continue
            if name in names and _find(name, elf, folders) is None:
                continue
            source, library = _require(name, path, elf, folders)
            if name in OSV_BRINGS:
                found.libc[guest] = source
            else:
                found.shared[name] = source
            waiting.append((guest.lstrip("/"), library))
    return found


def _dynamic(entries: Iterable[Entry]) -> Iterable[tuple[str, Elf]]:
    for entry in entries:
        elf = read_elf(entry.source) if entry.kind == "file" else None
        if elf is not None and elf.is_dynamic:
            yield entry.path, elf


def _add_unlisted(
    waiting: deque[tuple[str, Elf]],
    opened: Sequence[str],
    found: Closure,
    in_tree: set[str],
    folders: list[Path],
) -> None:
    """Add to ``waiting`` and ``found`` what is opened by name: by libc, and what ``opened`` names."""
    if waiting:
        path, elf = waiting[0]
        waiting.append((path, replace(elf, interpreter="", needed=(LOADED_BY_LIBC,))))
    elif opened:
        problem = f"nothing in the tree could open {opened[0]}: it holds no dynamically linked program"
        raise InputError("the manifest", "libraries", problem, "omit 'libraries'")
    for name in opened:
        guest = f"{LIBRARY_FOLDER}/{_checked_name(name)}"
        if guest not in in_tree:
            found.shared[name], library = _require(name, "the manifest's libraries", elf, folders)
            waiting.append((guest, library))


def _elsewhere_in_tree(name: str, entries: Iterable[Entry]) -> Path | None:
    """The tree's own file ``name`` where only one of OSv and Linux would find it."""
    multiarch = f"{platform.machine()}-linux-gnu"
    folders = ("", "lib/", "lib64/", "usr/lib64/", f"lib/{multiarch}/", f"usr/lib/{multiarch}/")
    places = {folder + name for folder in folders}
    return next((one.source for one in entries if one.kind == "file" and one.path in places), None)


def _checked_name(name: str) -> str:
    problem = ""
    if "/" in name:
        problem = f"'{name}' is a path"
    elif name in GLIBC or name.startswith(LOADER_PREFIXES):
        problem = f"'{name}' is the C library's, which OSv is itself"
    if problem:
        raise InputError("the manifest", "libraries", problem, "name libraries as dlopen is given them")
    return name


def searched(path: str, elf: Elf, name: str) -> set[str]:
    """The tree's paths at which OSv and ld.so both look for the library ``name`` of the file ``path``."""
    origin = str(PurePosixPath("/", path).parent)
    own = [text.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for text in elf.search]
    places = [*own, f"/{LIBRARY_FOLDER}"]
    return {posixpath.normpath(f"{place}/{name}").lstrip("/") for place in places}


def _find(name: str, elf: Elf, folders: list[Path]) -> tuple[Path, Elf] | None:
    for folder in folders:
        path = folder / name
        library = read_elf(path) if path.is_file() else None
        if library is not None and library.kind == elf.kind:
            return path.resolve(), library
    return None


def _require(name: str, wanted_by: str, elf: Elf, folders: list[Path]) -> tuple[Path, Elf]:
    found = _find(name, elf, folders)
    if found is None:
        raise InputError(
            f"/{wanted_by}",
            "",
            f"needs {name}, which neither the tree nor a library folder of this machine holds",
            "install the package that has it, or name it in 'files'",
        )
    return found
