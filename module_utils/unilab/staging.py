"""From a manifest to the one tree that every runtime gets.

Build, copy the manifest's files, add what every runtime and OSv need, add the shared libraries that
the programs need, hash, and put the tree in its place by renaming.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ansible.module_utils.unilab.elf_closure import closure, library_folders
from ansible.module_utils.unilab.libc import LIBRARY_FOLDER, LibcFile
from ansible.module_utils.unilab.tree import (
    ARTIFACT,
    artifact_sha256,
    entry_of,
    listing,
    listing_sha256,
    walk,
)

from contracts.errors import InputError
from contracts.manifest import Manifest, host_path, load_manifest

MOUNT_POINTS = ("dev", "proc", "sys", "tmp", "data")
# OSv mounts these itself at boot; Linux and Docker ignore the file.
FSTAB = """\
devfs /dev devfs defaults 0 0
procfs /proc procfs defaults 0 0
sysfs /sys sysfs defaults 0 0
ramfs /tmp ramfs defaults 0 0
"""
HOSTS = "127.0.0.1 localhost\n"
# Capstan's default for the manifest's key rootfs.
ROOTFS = "ROOTFS"
_LINKS_FOLLOWED = 40  # as Linux, before it says ELOOP


class BuildError(InputError):
    """A manifest's build command failed; ``output`` is all that it wrote."""

    def __init__(self, manifest_path: Path, problem: str, output: str) -> None:
        super().__init__(manifest_path, "build", problem, "mend what its output names")
        self.output = output


@dataclass(frozen=True)
class Staged:
    """A staged tree. ``before`` and ``after`` are listings (see tree.py)."""

    tree: Path
    manifest: Manifest
    artifact_sha256: str
    bytes: int
    files: int
    libc: list[LibcFile]
    changed: bool
    before: list[str]
    after: list[str]


def build(manifest_path: Path) -> None:
    """Run the manifest's build command in its folder. Raises InputError, BuildError."""
    words = (load_manifest(manifest_path).build or "").split()
    if not words:
        return
    try:
        done = subprocess.run(
            words,
            cwd=manifest_path.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise BuildError(manifest_path, f"cannot run '{words[0]}': {error.strerror}", "") from None
    if done.returncode:
        output = done.stdout.decode(errors="replace")
        raise BuildError(manifest_path, f"'{' '.join(words)}' ended with status {done.returncode}", output)


def is_built(manifest_path: Path) -> bool:
    """Whether every file that the manifest names is there. Raises InputError."""
    files = load_manifest(manifest_path).files
    names = [host.replace("&", PurePosixPath(guest).name) for guest, host in files.items()]
    return all((manifest_path.parent / name).exists() for name in names)


def stage(manifest_path: Path, destination: Path, write: bool) -> Staged:
    """Stage the manifest's tree; put it at ``destination`` if it differs and ``write`` is set.

    The build command must have run. Raises InputError before ``destination`` is touched.
    """
    manifest = load_manifest(manifest_path)
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
        _copy_files(manifest_path, manifest, tree)
        libc = _add_libraries(tree)
        _check_symlinks(manifest_path, tree)
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


class _Copier:
    """Copies into a tree and remembers who put each path there."""

    def __init__(self, manifest_path: Path, tree: Path) -> None:
        self.manifest_path, self.tree = manifest_path, tree
        self.owners: dict[str, str] = {}

    def copy(self, key: str, guest: str, source: Path) -> None:
        """Put the file or directory ``source`` at ``guest``; ``key`` names it in messages."""
        self._put(key, "/".join(PurePosixPath(guest).parts[1:]), source)

    def folder(self, key: str, path: str) -> None:
        """Make the directory ``path`` and those above it."""
        parts = path.split("/") if path else []
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth])
            here = self.tree / part
            if here.is_symlink() or here.is_file():
                self._clash(key, part)
            if not here.exists():
                here.mkdir()
                here.chmod(0o755)
                self.owners[part] = key

    def claim(self, key: str, path: str) -> Path:
        """Where to write the new file or symlink ``path``. Raises InputError if it is taken."""
        here = self.tree / path
        if not path or here.is_symlink() or here.exists():
            self._clash(key, path)
        self.folder(key, path.rpartition("/")[0])
        self.owners[path] = key
        return here

    def _put(self, key: str, path: str, source: Path) -> None:
        entry = entry_of(source, path)
        if entry.kind == "directory":
            self.folder(key, path)
            for child in sorted(source.iterdir()):
                self._put(key, f"{path}/{child.name}" if path else child.name, child)
        elif entry.kind == "symlink":
            self.claim(key, path).symlink_to(entry.target)
        else:
            here = self.claim(key, path)
            shutil.copyfile(source, here)
            here.chmod(entry.mode)

    def _clash(self, key: str, path: str) -> None:
        other = self.owners.get(path, "the root itself")
        raise InputError(
            self.manifest_path, key, f"/{path} is put there by {other} as well", "keep one of the two"
        )


def _copy_files(manifest_path: Path, manifest: Manifest, tree: Path) -> None:
    copier = _Copier(manifest_path, tree)
    own = "the laboratory"
    for path in (*MOUNT_POINTS, "etc", "etc/unilab"):
        copier.folder(own, path)
    for path, text in (("etc/fstab", FSTAB), ("etc/hosts", HOSTS)):
        here = copier.claim(own, path)
        here.write_text(text, encoding="ascii")
        here.chmod(0o644)
    copier.claim(own, "etc/mnttab").symlink_to("/proc/mounts")
    # Written last, once the hash is known; nobody else may put it there.
    copier.owners[ARTIFACT] = own
    if manifest.rootfs or (manifest_path.parent / ROOTFS).is_dir():
        copier.copy("rootfs", "/", _rootfs(manifest_path, manifest.rootfs or ROOTFS))
    for guest, host in sorted(manifest.files.items()):
        copier.copy(f"files.{guest}", guest, host_path(manifest_path, guest, host))
    if (tree / ARTIFACT).exists():
        raise InputError(manifest_path, "files", f"/{ARTIFACT} is written by the laboratory", "leave it out")


def _rootfs(manifest_path: Path, name: str) -> Path:
    try:
        return host_path(manifest_path, "/", name)
    except InputError as error:
        raise InputError(manifest_path, "rootfs", error.problem, error.remedy) from None


def _add_libraries(tree: Path) -> list[LibcFile]:
    found = closure(tree, library_folders())
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
