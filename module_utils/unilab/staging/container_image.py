"""The layers of a container image, applied one over another into one folder, as a container runtime does it.

Format of layers and whiteouts: OCI image specification 1.1, layer.md. Paths and links never lead out of the
folder: each parent is followed within it, as if it were the root, and no file is opened through a symlink.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from tarfile import TarInfo

from ansible.module_utils.unilab.hashing import sha256_of

from contracts.errors import InputError
from contracts.images.bounded_tar import (
    FOLDERS_MAX,
    Bounds,
    TarReader,
    hash_uncompressed,
    inner_path,
    link_target,
    read_tar,
)
from contracts.images.container_image import ContainerImage

_WHITEOUT, _OPAQUE, _OWN = ".wh.", ".wh..wh..opq", ".wh..wh."
_LINKS_FOLLOWED = 40  # as Linux, before it reports ELOOP
_SHOWN = 5


@dataclass
class _Applied:
    """What all layers together have done to the folder ``root``."""

    image: ContainerImage
    root: Path
    bounds: Bounds
    bytes: int = 0
    members: int = 0
    devices: list[str] = field(default_factory=list)
    privileged: list[str] = field(default_factory=list)

    def error(self, problem: str) -> InputError:
        return InputError(self.image.path, "from", problem, "build the image again, or take another one")

    def count(self, size_bytes: int, members: int = 1) -> None:
        """Take account of what will be written. Raises InputError over the bounds of the whole image."""
        self.bytes += size_bytes
        self.members += members
        if self.bytes > self.bounds.bytes or self.members > self.bounds.members:
            limit = f"{self.bounds.bytes} bytes or {self.bounds.members} files"
            raise self.error(f"its layers unpack to more than {limit}")

    def followed(self, path: str, make: bool) -> str | None:
        """Where the folder ``path`` is, links followed within the root. None where it is not there, unless
        made.

        Raises InputError where a link leaves the root, or where a file is in the way.
        """
        done: list[str] = []
        waiting = [part for part in path.split("/") if part]
        followed = 0
        while waiting:
            part = waiting.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                if not done:
                    raise self.error(f"/{path} leads out of the image by a link")
                done.pop()
                continue
            here = self.root.joinpath(*done, part)
            if here.is_symlink():
                followed += 1
                if followed > _LINKS_FOLLOWED:
                    raise self.error(f"/{path} leads through more than {_LINKS_FOLLOWED} links")
                target = os.readlink(here)  # noqa: PTH115 - Path changes the target
                done = [] if target.startswith("/") else done
                waiting = target.split("/") + waiting
                continue
            if not here.exists():
                if not make:
                    return None
                self.count(0)
                here.mkdir()
            elif not here.is_dir():
                if not make:
                    return None
                raise self.error(f"/{path} is below a file")
            done.append(part)
            if len(done) > FOLDERS_MAX:
                raise self.error(f"/{path[:60]} is more than {FOLDERS_MAX} folders deep")
        return "/".join(done)


class _Layer:
    """One layer while it is applied; whiteouts do not concern what the layer itself has written."""

    def __init__(self, applied: _Applied) -> None:
        self.applied, self.root = applied, applied.root
        self.written: set[str] = set()

    def apply(self, archive: TarReader) -> None:
        """Apply every member of ``archive``. Raises InputError."""
        path = self.applied.image.path
        for member in archive:
            name = inner_path(path, member.name)
            folder, _, base = name.rpartition("/")
            if base.startswith(_WHITEOUT):
                self._whiteout(folder, base)
                continue
            if name:
                self._put(archive, member, folder, base)

    def _put(self, archive: TarReader, member: TarInfo, folder: str, base: str) -> None:
        name = f"{folder}/{base}" if folder else base
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            self.applied.devices.append(f"/{name}")
            return
        parent = self.applied.followed(folder, make=True)
        here = f"{parent}/{base}" if parent else base
        if member.isreg() and member.mode & (stat.S_ISUID | stat.S_ISGID):
            self.applied.privileged.append(f"/{here}")
        target = self._linked(member, here) if member.islnk() else None
        self.applied.count(target.stat().st_size if target else member.size if member.isreg() else 0)
        place = self.root / here
        if target != place:
            self._make_room(place, member.isdir())
        self._remember(here)
        if member.isdir():
            place.mkdir(exist_ok=True)
        elif member.issym():
            place.symlink_to(self._target(member, here))
        elif target is None:
            archive.copy(member, place)
            place.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)
        elif target != place:
            shutil.copy(target, place)

    def _make_room(self, place: Path, is_folder: bool) -> None:
        """Remove what is at ``place``; a folder stays where a folder follows."""
        if place.is_symlink() or place.is_file():
            place.unlink()
        elif place.is_dir() and not is_folder:
            shutil.rmtree(place)

    def _remember(self, path: str) -> None:
        while path:
            self.written.add(path)
            path = path.rpartition("/")[0]

    def _target(self, member: TarInfo, here: str) -> str:
        """The target of a symlink. Raises InputError where it climbs above the root."""
        target = link_target(self.applied.image.path, member)
        depth = 0 if target.startswith("/") else here.count("/")
        for part in target.split("/"):
            depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
            if depth < 0:
                raise self.applied.error(f"the symlink /{here} -> {target} leaves the image")
        return target

    def _linked(self, member: TarInfo, here: str) -> Path:
        """The file that a hard link names, of this layer or an earlier one. Raises InputError."""
        name = inner_path(self.applied.image.path, member.linkname)
        folder, _, base = name.rpartition("/")
        parent = self.applied.followed(folder, make=False)
        target = self.root / (parent or "") / base
        if parent is None or not base or target.is_symlink() or not target.is_file():
            raise self.applied.error(
                f"/{here} is a hard link to /{name}, which is no file that comes before it"
            )
        return target

    def _whiteout(self, folder: str, base: str) -> None:
        name = base.removeprefix(_WHITEOUT)
        if base != _OPAQUE and name in ("", ".", ".."):
            raise self.applied.error(f"/{folder}/{base} is a whiteout of a parent folder")
        parent = self.applied.followed(folder, make=False)
        if parent is None or (base.startswith(_OWN) and base != _OPAQUE):
            return
        if base == _OPAQUE:
            self._clear(parent)
            return
        self._remove(f"{parent}/{name}" if parent else name)

    def _clear(self, folder: str) -> None:
        """Remove what earlier layers have put into ``folder``."""
        place = self.root / folder
        for child in sorted(os.listdir(place)) if place.is_dir() else ():  # noqa: PTH208 - names only
            self._remove(f"{folder}/{child}" if folder else child)

    def _remove(self, path: str) -> None:
        """Remove what earlier layers have put at ``path`` and below."""
        place = self.root / path
        is_folder = place.is_dir() and not place.is_symlink()
        if path not in self.written:
            if is_folder:
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
        elif is_folder:
            self._clear(path)


def unpack(image: ContainerImage, work: Path, bounds: Bounds = Bounds()) -> tuple[Path, list[str]]:  # noqa: B008
    """Unpack ``image`` into a new folder below the empty folder ``work``; return it, and notices.

    Every layer is checked against its digests before the first is applied. Raises InputError.
    """
    blobs = _blobs(image, work, bounds)
    root = work / "root"
    root.mkdir()
    applied = _Applied(image, root, bounds)
    for blob in image.layers:
        try:
            with read_tar(blobs[blob.member], bounds) as archive:
                _Layer(applied).apply(archive)
        except InputError as error:
            if error.key == "from":
                raise
            raise applied.error(f"layer {blob.member}: {error.problem}") from None
    shutil.rmtree(work / "blobs")
    why = "no runtime may get one from a tree. Remedy: none is needed where the program does not open it"
    notices = shown("device nodes and pipes are not copied", applied.devices, why)
    why = "files lose these permissions, and programs run as root. Remedy: none is needed for a service"
    return root, notices + shown("setuid and setgid files become ordinary ones", applied.privileged, why)


def shown(what: str, paths: list[str], why: str) -> list[str]:
    """One notice that names the first of ``paths``, none where there are none."""
    if not paths:
        return []
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return [f"from: {what}: {', '.join(paths[:_SHOWN])}{more}: {why}"]


def _blobs(image: ContainerImage, work: Path, bounds: Bounds) -> dict[str, Path]:
    """The files of the layers, copied out of the archive and checked, by their names in it."""
    folder = work / "blobs"
    folder.mkdir()
    wanted = {blob.member for blob in image.layers}
    found: dict[str, Path] = {}
    with read_tar(image.path, bounds) as archive:
        for member in archive:
            name = inner_path(image.path, member.name)
            if name in wanted and name not in found and member.isreg():
                found[name] = folder / str(len(found))
                archive.copy(member, found[name])
    known: dict[str, str] = {}
    for blob in image.layers:
        path = found[blob.member]
        if blob.digest and blob.digest != f"sha256:{sha256_of(path)}":
            raise _wrong(image, f"{blob.member} does not have the digest that its name states")
        if blob.member not in known:
            known[blob.member] = _diff_id(image, blob.member, path, bounds)
        if blob.diff_id != known[blob.member]:
            raise _wrong(image, f"{blob.member} is not the layer that the configuration names")
    return found


def _diff_id(image: ContainerImage, member: str, path: Path, bounds: Bounds) -> str:
    try:
        return f"sha256:{hash_uncompressed(path, bounds)}"
    except InputError as error:
        raise _wrong(image, f"layer {member}: {error.problem}") from None


def _wrong(image: ContainerImage, problem: str) -> InputError:
    return InputError(image.path, "from", problem, "save or fetch the image again")
