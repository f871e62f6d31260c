"""From a manifest to the one tree that every runtime gets.

Build, copy the manifest's files, add what every runtime and OSv need, add the shared libraries that
the programs need, hash, and put the tree in its place by renaming.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.images.libc import LIBRARY_FOLDER, LibcFile
from ansible.module_utils.unilab.images.tree import (
    ARTIFACT,
    artifact_sha256,
    listing,
    listing_sha256,
    walk,
)
from ansible.module_utils.unilab.staging.elf_closure import closure, library_folders
from ansible.module_utils.unilab.staging.guest_paths import resolved
from ansible.module_utils.unilab.staging.image_libraries import place_libraries
from ansible.module_utils.unilab.staging.manifest_files import copy_files
from ansible.module_utils.unilab.staging.program import check_program, with_program
from ansible.module_utils.unilab.work_folder import work_folder

from contracts.errors import InputError
from contracts.manifest import Manifest

# Where, in the work folder, an image's own C library is put.
_LIBC = "libc"


@dataclass(frozen=True)
class Staged:
    """A staged tree.

    Attributes:
        manifest: as it was staged; its command line names the program by its absolute guest path.
        notices: what is not honoured, or will not run everywhere; each names key and remedy.
        before, after: listings of the tree (see tree.py).
    """

    tree: Path
    manifest: Manifest
    notices: tuple[str, ...]
    artifact_sha256: str
    bytes: int
    files: int
    libc: list[LibcFile]
    changed: bool
    before: list[str]
    after: list[str]


def stage(manifest: Manifest, destination: Path, write: bool) -> Staged:
    """Stage the manifest's tree; put it at ``destination`` if it differs and ``write`` is set.

    The build command must have run. Raises InputError before ``destination`` is touched.
    """
    try:
        return _stage(manifest, destination, write)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        problem = f"cannot write it: {error.strerror or error}{where}"
        remedy = "give a folder that can be written and has room for it"
        raise InputError(destination, "", problem, remedy) from error


def _stage(manifest: Manifest, destination: Path, write: bool) -> Staged:
    before: list[str] = []
    if destination.exists():
        artifact_sha256(destination)
        before = listing(destination)
    with _aside(destination, write) as aside:
        tree, work = aside / "tree", aside / "work"
        tree.mkdir()
        work.mkdir()
        notices = copy_files(manifest, tree, work)
        manifest = with_program(manifest, tree)
        libc, missing = _add_libraries(manifest, tree, work, destination)
        _, more = check_program(manifest, tree)
        notices += [*missing, *more]
        after = listing(tree)
        artifact = listing_sha256(after)
        (tree / ARTIFACT).write_text(artifact + "\n", encoding="ascii")
        (tree / ARTIFACT).chmod(0o644)
        # The recorded hash counts too: whoever edited it made another artifact.
        changed = before != after or artifact_sha256(destination) != artifact
        entries = walk(tree)
        if changed and write:
            _replace(destination, tree, aside / "old")
        if write and (work / _LIBC).exists():
            _replace(_libc_folder(destination), work / _LIBC, aside / "old-libc")
    return Staged(
        tree=destination,
        manifest=manifest,
        notices=(*manifest.notices, *notices),
        artifact_sha256=artifact,
        bytes=sum(entry.size_bytes for entry in entries),
        files=sum(entry.kind == "file" for entry in entries),
        libc=libc,
        changed=changed,
        before=before,
        after=after,
    )


@contextmanager
def _aside(destination: Path, write: bool) -> Iterator[Path]:
    """A folder to stage in: beside ``destination`` where it is renamed to it, else wherever."""
    if not write:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(destination) as folder_beside:
        yield folder_beside


def _replace(destination: Path, tree: Path, old: Path) -> None:
    if destination.exists():
        destination.rename(old)
    tree.rename(destination)


def _libc_folder(destination: Path) -> Path:
    """Where the libc set of an image is kept, beside the tree: no other file of this machine is the same."""
    return destination.with_name(f"{destination.name}.libc")


def _add_libraries(
    manifest: Manifest, tree: Path, work: Path, destination: Path
) -> tuple[list[LibcFile], list[str]]:
    """Put libraries that programs need into ``tree``; return the libc set and notices. Raises InputError."""
    if manifest.image is not None:
        # Links to the C library, which leaves the tree, are checked before it does.
        _check_symlinks(manifest.path, tree)
        program, _ = check_program(manifest, tree)
        at = _libc_folder(destination).resolve()
        placed = place_libraries(tree, program, manifest.libraries, work / _LIBC, at)
        return placed.libc, placed.notices
    try:
        found = closure(tree, library_folders(), manifest.libraries)
    except InputError as error:
        if error.key != "libraries":
            raise
        raise InputError(manifest.path, error.key, error.problem, error.remedy) from None
    if found.shared:
        (tree / LIBRARY_FOLDER).mkdir(parents=True, exist_ok=True)
    for name, source in sorted(found.shared.items()):
        here = tree / LIBRARY_FOLDER / name
        shutil.copyfile(source, here)
        here.chmod(0o644)
    for folder in (tree / LIBRARY_FOLDER, tree / LIBRARY_FOLDER.split("/", maxsplit=1)[0]):
        if folder.is_dir():
            folder.chmod(0o755)
    _check_symlinks(manifest.path, tree)
    return [LibcFile.at(guest, host) for guest, host in sorted(found.libc.items())], []


def _check_symlinks(manifest_path: Path, tree: Path) -> None:
    for entry in walk(tree):
        if entry.kind == "symlink" and resolved(tree, entry.path) is None:
            raise InputError(
                manifest_path,
                "files",
                f"symlink /{entry.path} -> {entry.target} leaves the tree or points to nothing in it",
                "stage what it points to, or a copy in its place",
            )
