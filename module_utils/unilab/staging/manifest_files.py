"""A manifest's layers, copied into one tree over the files that every runtime needs."""

from __future__ import annotations

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from tarfile import TarInfo

from ansible.module_utils.unilab.images.tree import ARTIFACT, entry_of, walk
from ansible.module_utils.unilab.staging.container_image import shown, unpack
from ansible.module_utils.unilab.staging.guest_paths import MOUNT_POINTS, guest_relative, is_hidden, resolved

from contracts.errors import InputError
from contracts.images.bounded_tar import Bounds, TarReader, inner_path, link_target, read_tar
from contracts.manifest import (
    HostPath,
    ImageFiles,
    Manifest,
    PackageArchive,
    PackageFolder,
    Source,
    host_path,
)

# OSv mounts these itself at boot; Linux and Docker ignore the file.
FSTAB = """\
devfs /dev devfs defaults 0 0
procfs /proc procfs defaults 0 0
sysfs /sys sysfs defaults 0 0
ramfs /tmp ramfs defaults 0 0
"""
HOSTS = "127.0.0.1 localhost\n"


@dataclass(frozen=True)
class _Owner:
    layer: int
    key: str


class _Copier:
    """Copies into a tree and remembers the owner of each path.

    A later layer's file or symlink replaces an earlier one's, never a directory.
    """

    def __init__(self, manifest_path: Path, tree: Path, work: Path) -> None:
        self.manifest_path, self.tree, self.work = manifest_path, tree, work
        self.owners: dict[str, _Owner] = {}
        self.layer = 0
        self.notices: list[str] = []
        self.linked_bytes = 0

    def put(self, source: Source) -> None:
        """Stage ``source``. Raises InputError."""
        if isinstance(source, HostPath):
            if source.optional and not (self.manifest_path.parent / source.host).exists():
                return
            self._copy(source.key, guest_relative(source.guest), self._host_path(source))
        elif isinstance(source, PackageFolder):
            self._package_folder(source, source.folder, "")
        elif isinstance(source, PackageArchive):
            self._package_archive(source)
        elif isinstance(source, ImageFiles):
            self._image(source)
        else:
            here = self.claim(source.key, guest_relative(source.guest))
            here.write_text(source.text + "\n", encoding="utf-8")
            here.chmod(0o755)

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
                self.owners[part] = _Owner(self.layer, key)

    def claim(self, key: str, path: str) -> Path:
        """Where to write the file or symlink ``path``. Raises InputError if it is taken."""
        here = self.tree / path
        if path and (here.is_symlink() or here.is_file()) and 0 < self.owners[path].layer < self.layer:
            here.unlink()
        elif not path or here.is_symlink() or here.exists():
            self._clash(key, path)
        self.folder(key, path.rpartition("/")[0])
        self.owners[path] = _Owner(self.layer, key)
        if is_hidden(path):
            folder = path.split("/", maxsplit=1)[0]
            self.notices.append(
                f"{key}: /{path} is hidden at boot: every runtime mounts a file system on /{folder}. "
                "Remedy: stage it in another folder"
            )
        return here

    def _host_path(self, source: HostPath) -> Path:
        try:
            return host_path(self.manifest_path, source.guest, source.host)
        except InputError as error:
            raise InputError(self.manifest_path, source.key, error.problem, error.remedy) from None

    def _copy(self, key: str, path: str, source: Path) -> None:
        entry = entry_of(source, path)
        if entry.kind == "directory":
            self.folder(key, path)
            for child in sorted(source.iterdir()):
                self._copy(key, f"{path}/{child.name}" if path else child.name, child)
        elif entry.kind == "symlink":
            self.claim(key, path).symlink_to(entry.target)
        else:
            here = self.claim(key, path)
            shutil.copyfile(source, here)
            here.chmod(entry.mode)

    def _package_folder(self, source: PackageFolder, folder: Path, path: str) -> None:
        for child in sorted(folder.iterdir()):
            below = f"{path}/{child.name}" if path else child.name
            if source.ignored.fullmatch(f"/{below}") or self._laboratorys(source.key, below):
                continue
            if child.is_dir() and not child.is_symlink():
                self.folder(source.key, below)
                self._package_folder(source, child, below)
            else:
                self._copy(source.key, below, child)

    def _package_archive(self, source: PackageArchive) -> None:
        with read_tar(source.path) as archive:
            for member in archive:
                path = inner_path(source.path, member.name)
                own = not path or path.split("/", maxsplit=1)[0] == "meta"
                if own or self._laboratorys(source.key, path):
                    continue
                if member.isdir():
                    self.folder(source.key, path)
                elif member.issym():
                    self.claim(source.key, path).symlink_to(link_target(source.path, member))
                elif member.islnk():
                    self._hard_link(source, member, path)
                else:
                    self._member(source, archive, member, path)

    def _member(self, source: PackageArchive, archive: TarReader, member: TarInfo, path: str) -> None:
        if not member.isreg():
            raise InputError(
                source.path,
                "",
                f"/{path} would be a device or pipe",
                "stage files, directories and symlinks only",
            )
        here = self.claim(source.key, path)
        archive.copy(member, here)
        here.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)

    def _hard_link(self, source: PackageArchive, member: TarInfo, path: str) -> None:
        """A hard link is another copy of a file that comes before it in the same package."""
        target = inner_path(source.path, member.linkname)
        original = self.tree / target
        if (
            self.owners.get(target) != _Owner(self.layer, source.key)
            or original.is_symlink()
            or not original.is_file()
        ):
            problem = f"/{path} is a hard link to /{target}, which is no file that comes before it"
            raise InputError(source.path, "", problem, "build the package again")
        self.linked_bytes += original.stat().st_size
        if self.linked_bytes > Bounds.bytes:
            problem = f"its hard links would need more than {Bounds.bytes} bytes"
            raise InputError(source.path, "", problem, "build the package again, without hard links")
        if target == path:
            return
        here = self.claim(source.key, path)
        shutil.copyfile(original, here)
        here.chmod(stat.S_IMODE(original.stat().st_mode))

    def _image(self, source: ImageFiles) -> None:
        root, notices = unpack(source.image, self.work)
        dangling = {
            one.path for one in walk(root) if one.kind == "symlink" and resolved(root, one.path) is None
        }
        hidden: list[str] = []
        self._move(source.key, root, "", dangling, hidden)
        self.notices += notices
        why = (
            "they point to nothing in the image. Remedy: none is needed where the program does not open them"
        )
        self.notices += shown("symlinks are not copied", [f"/{path}" for path in sorted(dangling)], why)
        why = "every runtime mounts a file system over them at boot. Remedy: move what the program needs"
        self.notices += shown("files are not copied", [f"/{path}" for path in hidden], why)

    def _move(self, key: str, folder: Path, path: str, dangling: set[str], hidden: list[str]) -> None:
        """Move what the image's unpacked ``folder`` holds, except what a tree cannot have, to ``path``."""
        for child in sorted(folder.iterdir()):
            below = f"{path}/{child.name}" if path else child.name
            is_link = child.is_symlink()
            if is_hidden(below) or (is_link and below in MOUNT_POINTS):
                hidden.append(below)
            elif below in dangling or self._laboratorys(key, below):
                continue
            elif child.is_dir() and not is_link:
                self.folder(key, below)
                self._move(key, child, below, dangling, hidden)
            else:
                child.rename(self.claim(key, below))

    def _laboratorys(self, key: str, path: str) -> bool:
        """Whether ``path`` is a file of the laboratory; a package's is then not copied, with a notice."""
        owner = self.owners.get(path)
        if owner is None or owner.layer or (self.tree / path).is_dir():
            return False
        self.notices.append(f"{key}: /{path} is not copied: the laboratory writes it. Remedy: remove it")
        return True

    def _clash(self, key: str, path: str) -> None:
        other = self.owners[path].key if path in self.owners else "the root itself"
        raise InputError(
            self.manifest_path, key, f"/{path} is put there by {other} as well", "keep one of the two"
        )


def copy_files(manifest: Manifest, tree: Path, work: Path) -> list[str]:
    """Copy into the empty folder ``tree`` all that is staged except libraries; return notices.

    ``work`` is another empty folder, on the same file system. Raises InputError where two sources of a layer
    claim a path, or one leaves the tree.
    """
    copier = _Copier(manifest.path, tree, work)
    own = "the laboratory"
    for path in (*MOUNT_POINTS, "etc", "etc/unilab"):
        copier.folder(own, path)
    for path, text in (("etc/fstab", FSTAB), ("etc/hosts", HOSTS)):
        here = copier.claim(own, path)
        here.write_text(text, encoding="ascii")
        here.chmod(0o644)
    copier.claim(own, "etc/mnttab").symlink_to("/proc/mounts")
    # Written last, once the hash is known; no layer may write it.
    copier.owners[ARTIFACT] = _Owner(0, own)
    for number, layer in enumerate(manifest.layers, start=1):
        copier.layer = number
        for source in layer.sources:
            copier.put(source)
    if (tree / ARTIFACT).exists():
        raise InputError(manifest.path, "files", f"/{ARTIFACT} is written by the laboratory", "omit it")
    return copier.notices
