"""Libraries of a tree that comes from a container image.

Its own C library and dynamic linker leave the tree and become the libc set, as the build machine's do for
other trees: Docker and Linux run the programs with the C library that they were linked to, OSv is one itself.
Every other library that some file of the tree needs is also put into /usr/lib, where OSv looks.
"""

from __future__ import annotations

import platform
import shutil
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.libc import LIBRARY_FOLDER, LOADER_PREFIXES, OSV_BRINGS, LibcFile
from ansible.module_utils.unilab.images.tree import walk
from ansible.module_utils.unilab.staging.elf_closure import Elf, read_elf, searched
from ansible.module_utils.unilab.staging.guest_paths import resolved

from contracts.errors import InputError

_MULTIARCH = f"{platform.machine()}-linux-gnu"
_FOLDERS = (
    "lib",
    "lib64",
    "usr/lib",
    "usr/lib64",
    f"lib/{_MULTIARCH}",
    f"usr/lib/{_MULTIARCH}",
    "usr/local/lib",
)


@dataclass
class ImageLibraries:
    """What became of an image's libraries.

    Attributes:
        libc: the libc set; its files are in the folder that was given.
        notices: libraries that files other than the program lack.
    """

    libc: list[LibcFile] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def place_libraries(
    tree: Path, program: str, opened: Sequence[str], libc: Path, libc_at: Path
) -> ImageLibraries:
    """Take the C library out of ``tree`` into the new folder ``libc``, and put others where OSv looks.

    ``program`` is the program's path in the tree; ``opened`` are libraries that it opens by name. ``libc_at``
    is where the folder ``libc`` will be. Raises InputError where the program lacks a library.
    """
    found = ImageLibraries()
    files = {entry.path: entry.source for entry in walk(tree) if entry.kind != "directory"}
    own = [path for path in files if _is_libc(path)]
    found.libc = _taken_out(tree, own, libc, libc_at)
    provided = {PurePosixPath(path).name for path in own}
    index = _Index(tree, [path for path in files if path not in own])
    lacking: dict[str, str] = {}
    for path, name, is_strict in _needed(index, program, opened, provided):
        if is_strict:
            raise InputError(
                f"/{path}",
                "",
                f"needs {name}, which the image does not hold",
                "add it under 'files', or take an image that is complete",
            )
        lacking.setdefault(path, name)
    if lacking:
        path, name = next(iter(lacking.items()))
        more = f" and {len(lacking) - 1} more files" if len(lacking) > 1 else ""
        found.notices.append(
            f"from: /{path} needs {name}, which the image does not hold{more}: they cannot be started. "
            "Remedy: none is needed where the program does not open them"
        )
    return found


def _is_libc(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder in _FOLDERS and (name in OSV_BRINGS or name.startswith(LOADER_PREFIXES))


def _taken_out(tree: Path, paths: Iterable[str], libc: Path, libc_at: Path) -> list[LibcFile]:
    """Copy the files ``paths`` of ``tree`` to ``libc``, then remove them."""
    taken: list[LibcFile] = []
    libc.mkdir()
    for path in sorted(paths):
        target = resolved(tree, path)
        if target is None or not (tree / target).is_file():
            continue
        copy = libc / path.replace("/", "+")
        shutil.copy(tree / target, copy)  # with its mode: a dynamic linker must be executable
        taken.append(LibcFile(f"/{path}", str(libc_at / copy.name), sha256_of(copy)))
    for file in taken:
        (tree / file.guest.lstrip("/")).unlink()
    return taken


class _Index:
    """The files of a tree, to find a library by its name and to read each ELF file once."""

    def __init__(self, tree: Path, paths: Iterable[str]) -> None:
        self.tree, self.paths = tree, set(paths)
        self._elves: dict[str, Elf | None] = {}

    def elf(self, path: str) -> Elf | None:
        """The file ``path`` where it is dynamically linked and not damaged, else None."""
        if path not in self._elves:
            here = self.tree / path
            try:
                elf = read_elf(here) if here.is_file() and not here.is_symlink() else None
            except InputError:
                elf = None
            self._elves[path] = elf if elf and elf.is_dynamic else None
        return self._elves[path]

    def find(self, path: str, elf: Elf, name: str) -> str | None:
        """Where the library ``name`` of the file ``path`` is found once it is in place, else None."""
        for candidate in sorted(searched(path, elf, name)):
            target = resolved(self.tree, candidate)
            if target is not None and (self.tree / target).is_file():
                return target
        for folder in _FOLDERS:
            target = resolved(self.tree, f"{folder}/{name}")
            if target is not None and (self.tree / target).is_file():
                return self._put(name, target)
        return None

    def _put(self, name: str, target: str) -> str:
        here = self.tree / LIBRARY_FOLDER / name
        here.parent.mkdir(parents=True, exist_ok=True)
        if here.is_symlink():
            here.unlink()
        shutil.copyfile(self.tree / target, here)
        here.chmod(0o644)
        path = f"{LIBRARY_FOLDER}/{name}"
        self.paths.add(path)
        return path


def _needed(
    index: _Index, program: str, opened: Sequence[str], provided: set[str]
) -> Iterable[tuple[str, str, bool]]:
    """File, name and whether the program needs it, of every library that is missing; put others in place."""
    seen: set[str] = set()
    for is_strict, start in ((True, [program]), (False, sorted(index.paths))):
        waiting = deque(start)
        while waiting:
            path = waiting.popleft()
            elf = index.elf(path)
            if path in seen or elf is None:
                continue
            seen.add(path)
            for name in (*elf.needed, *(opened if path == program else ())):
                if name in provided or name.startswith(LOADER_PREFIXES):
                    continue
                found = index.find(path, elf, name)
                if found is None:
                    yield path, name, is_strict
                else:
                    waiting.append(found)
