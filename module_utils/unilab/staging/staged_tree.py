"""From a manifest to the one tree that every runtime gets.

Build, copy the manifest's files, add what every runtime and OSv need, add the shared libraries that
the programs need, hash, and put the tree in its place by renaming.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ansible.module_utils.unilab.images.libc import LIBRARY_FOLDER, LibcFile
from ansible.module_utils.unilab.images.tree import (
    ARTIFACT,
    artifact_sha256,
    listing,
    listing_sha256,
    walk,
)
from ansible.module_utils.unilab.staging.elf_closure import closure, library_folders
from ansible.module_utils.unilab.staging.manifest_files import MOUNT_POINTS, copy_files, guest_relative

from contracts.errors import InputError
from contracts.manifest import Manifest

_LINKS_FOLLOWED = 40  # as Linux, before it says ELOOP


class BuildError(InputError):
    """A manifest's build command failed; ``output`` is all that it wrote."""

    def __init__(self, manifest_path: Path, problem: str, output: str) -> None:
        super().__init__(manifest_path, "build", problem, "mend what its output names")
        self.output = output


@dataclass(frozen=True)
class Staged:
    """A staged tree.

    Attributes:
        notices: what of the manifest is not honoured, or will not run everywhere.
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


def build(manifest: Manifest) -> None:
    """Run the manifest's build command in its folder. Raises BuildError."""
    words = manifest.build.split()
    if not words:
        return
    try:
        done = subprocess.run(
            words,
            cwd=manifest.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise BuildError(manifest.path, f"cannot run '{words[0]}': {error.strerror}", "") from None
    if done.returncode:
        output = done.stdout.decode(errors="replace")
        raise BuildError(manifest.path, f"'{' '.join(words)}' ended with status {done.returncode}", output)


def is_built(manifest: Manifest) -> bool:
    """Whether what the build command makes is there, as far as a manifest tells.

    A Capstanfile names each file; of a package it is the program.
    """
    names = [host.replace("&", PurePosixPath(guest).name) for guest, host in manifest.files.items()]
    if not names and manifest.build:
        names = [guest_relative(manifest.program)]
    return all((manifest.folder / name).exists() for name in names)


def stage(manifest: Manifest, destination: Path, write: bool) -> Staged:
    """Stage the manifest's tree; put it at ``destination`` if it differs and ``write`` is set.

    The build command must have run. Raises InputError before ``destination`` is touched.
    """
    before: list[str] = []
    if destination.exists():
        artifact_sha256(destination)
        before = listing(destination)
    beside = destination.parent if write else None
    if beside is not None:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{destination.name}.", dir=beside) as aside:
        tree = Path(aside) / "tree"
        tree.mkdir()
        notices = copy_files(manifest, tree)
        libc = _add_libraries(manifest, tree)
        _check_symlinks(manifest.path, tree)
        notices += _check_program(manifest, tree)
        after = listing(tree)
        artifact = listing_sha256(after)
        (tree / ARTIFACT).write_text(artifact + "\n", encoding="ascii")
        (tree / ARTIFACT).chmod(0o644)
        # The recorded hash counts too: whoever edited it made another artifact.
        changed = before != after or artifact_sha256(destination) != artifact
        entries = walk(tree)
        if changed and write:
            _replace(destination, tree, Path(aside) / "old")
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


def _replace(destination: Path, tree: Path, old: Path) -> None:
    if destination.exists():
        destination.rename(old)
    tree.rename(destination)


def _add_libraries(manifest: Manifest, tree: Path) -> list[LibcFile]:
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
    return [LibcFile.at(guest, host) for guest, host in sorted(found.libc.items())]


def _check_symlinks(manifest_path: Path, tree: Path) -> None:
    for entry in walk(tree):
        if entry.kind == "symlink" and not _ends_inside(tree, entry.path):
            raise InputError(
                manifest_path,
                "files",
                f"symlink /{entry.path} -> {entry.target} leaves the tree or points to nothing in it",
                "stage what it points to, or a copy in its place",
            )


def _check_program(manifest: Manifest, tree: Path) -> list[str]:
    """Refuse a tree without the program; tell of one that only OSv would start."""
    path = guest_relative(manifest.program)
    if not _ends_inside(tree, path):
        raise InputError(
            manifest.path,
            "cmdline",
            f"the program {manifest.program} is not in the tree",
            "stage it by 'files', 'rootfs' or a required package; base images are not read",
        )
    here = tree / path
    if here.is_file() and not here.stat().st_mode & stat.S_IXUSR:
        return [f"cmdline: {manifest.program} is not executable: OSv starts it, Linux and Docker do not"]
    return []


def _ends_inside(tree: Path, path: str) -> bool:
    """Whether ``path`` exists once links are followed as a guest would, its root being ``tree``."""
    done: list[str] = []
    waiting = path.split("/")
    followed = 0
    while waiting:
        part = waiting.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return False
            done.pop()
            continue
        here = tree.joinpath(*done, part)
        if here.is_symlink():
            followed += 1
            target = str(here.readlink())
            done = [] if target.startswith("/") else done
            waiting = target.split("/") + waiting
        else:
            done.append(part)
            if len(done) > 1 and done[0] in MOUNT_POINTS:
                return True  # a runtime fills it when it boots
            if not here.exists():
                return False
        if followed > _LINKS_FOLLOWED:
            return False
    return True
