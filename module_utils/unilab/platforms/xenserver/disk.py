"""A disk image on a XenServer: uploaded once, identified by its hash, complete or absent.

The hash and the state of the upload are in the VDI's other_config. A VDI in the state `uploading` is
the rest of a killed upload; the next upload removes it.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images import qcow2
from ansible.module_utils.unilab.images.disk_layout import rounded_up
from ansible.module_utils.unilab.platforms.xenserver.errors import undoing
from ansible.module_utils.unilab.platforms.xenserver.places import named
from ansible.module_utils.unilab.platforms.xenserver.session import Xapi
from ansible.module_utils.unilab.platforms.xenserver.upload import Progress, upload

# VHD-based storage rounds a disk up to this; rounding here gives the same size on every storage.
ALIGNMENT_BYTES = 2 << 20
SHA256, STATE, GUEST = "unilab_sha256", "unilab_state", "unilab_guest"
UPLOADING, COMPLETE = "uploading", "complete"

# A disk stays busy for some seconds after an upload that ended early, and after its VM's end.
BUSY_PATIENCE_S, BUSY_PAUSE_S = 60.0, 0.25

_VHD_COOKIE, _VHD_SIZE_AT, _VHD_TYPE_AT, _VHD_DYNAMIC = b"conectix", 48, 60, 3


@dataclass(frozen=True)
class Image:
    """A file on the controller: raw disk or dynamic VHD, the size of its disk, and its hash."""

    path: Path
    format: str
    file_bytes: int
    virtual_bytes: int
    sha256: str

    @property
    def length(self) -> int:
        """Bytes to send: a raw disk is padded with zeros to whole 2 MiB."""
        return self.virtual_bytes if self.format == "raw" else self.file_bytes

    def open(self) -> IO[bytes]:
        """The bytes to send, as a stream."""
        return _Padded(self.path)  # type: ignore[return-value]


class _Padded:
    """A file's bytes, then zeros without end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def read(self, size: int) -> bytes:
        return self._file.read(size).ljust(size, b"\0")

    def __enter__(self) -> _Padded:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@dataclass(frozen=True)
class Head:
    """The first bytes of a disk, which replace those of an uploaded disk."""

    content: bytes
    format: str = "raw"

    @property
    def length(self) -> int:
        """Bytes to send."""
        return len(self.content)

    def open(self) -> IO[bytes]:
        """As a stream."""
        return io.BytesIO(self.content)


def read_image(path: Path) -> Image:
    """Read format and size of the file ``path`` from its content. Raises LabError.

    VHD: Virtual Hard Disk Image Format Specification (Microsoft, 2006), "Hard Disk Footer Format";
    a dynamic one begins with a copy of its footer, whose size at 48 and type at 60 are big-endian.
    """
    try:
        file_bytes = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(512)
            if file_bytes >= 512:
                stream.seek(-512, 2)
            foot = stream.read(512)
    except OSError as error:
        raise LabError(
            f"{path}: key path: cannot read it: {error.strerror}. Remedy: give a disk image."
        ) from None
    if not file_bytes:
        raise LabError(f"{path}: key path: the file is empty. Remedy: give a disk image.")
    if qcow2.is_qcow2(head):
        raise LabError(f"{path}: key path: a qcow2 image. Remedy: qemu-img convert -O raw.")
    kind = int.from_bytes(head[_VHD_TYPE_AT : _VHD_TYPE_AT + 4], "big")
    if head.startswith(_VHD_COOKIE) and kind == _VHD_DYNAMIC:
        size = int.from_bytes(head[_VHD_SIZE_AT : _VHD_SIZE_AT + 8], "big")
        return Image(path, "vhd", file_bytes, rounded_up(size, ALIGNMENT_BYTES), sha256_of(path))
    if _VHD_COOKIE in (head[:8], foot[:8]):
        raise LabError(
            f"{path}: key path: XenServer accepts dynamic VHDs only. Remedy: qemu-img convert -O vpc "
            "-o subformat=dynamic,force_size=on, or give the raw disk."
        )
    return Image(path, "raw", file_bytes, rounded_up(file_bytes, ALIGNMENT_BYTES), sha256_of(path))


@dataclass(frozen=True)
class Found:
    """The disks on the XenServer with one name: the complete one of this hash, and those to remove.

    Attributes:
        complete: reference of the disk, "" where there is none; ``record`` is its record.
        stale: disks of another hash, and incomplete disks of killed uploads.
    """

    complete: str
    record: dict[str, Any]
    stale: list[str]


def find(xapi: Xapi, name: str, sr: str, sha256: str) -> Found:
    """Find the disk ``name`` in ``sr``; disks that unilab did not create are ignored."""
    ours = named(xapi.call.VDI, name, lambda row: SHA256 in row["other_config"] and row["SR"] == sr)

    def fits(row: dict[str, Any]) -> bool:
        config = row["other_config"]
        return bool(config.get(STATE) == COMPLETE and config[SHA256] == sha256)

    complete = next((ref for ref, row in ours.items() if fits(row)), "")
    stale = [ref for ref, row in ours.items() if not fits(row)]
    return Found(complete, ours.get(complete, {}), stale)


def create(xapi: Xapi, name: str, sr: str, image: Image, progress: Progress) -> tuple[str, int]:
    """Create the disk of ``image`` in ``sr``; return its reference and the bytes sent.

    An upload that fails leaves no disk. Raises LabError.
    """
    ref = xapi.call.VDI.create(
        {
            "name_label": name,
            "name_description": f"unilab: {image.path.name}",
            "SR": sr,
            "virtual_size": str(image.virtual_bytes),
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {SHA256: image.sha256, STATE: UPLOADING},
        }
    )
    with undoing(f"the disk {name}, incomplete,", lambda: destroy(xapi, ref)):
        sent = upload(xapi, ref, image, progress)
        xapi.call.VDI.remove_from_other_config(ref, STATE)
        xapi.call.VDI.add_to_other_config(ref, STATE, COMPLETE)
    return ref, sent


def clone(xapi: Xapi, source: str, name: str, head: bytes) -> str:
    """Clone the disk ``source`` for the guest ``name`` and replace its first bytes by ``head``.

    XAPI's raw import writes Content-Length bytes from the start and leaves the rest as it is (vhd-tool,
    serve_raw_to_raw), so only a few sectors are sent. Raises LabError.
    """
    ref: str = xapi.call.VDI.clone(source, {})
    with undoing(f"a clone for the guest {name}", lambda: destroy(xapi, ref)):
        # A clone has its source's name and marks; it must not be mistaken for the image itself.
        xapi.call.VDI.set_name_label(ref, clone_name(name))
        for key in (SHA256, STATE):
            xapi.call.VDI.remove_from_other_config(ref, key)
        xapi.call.VDI.add_to_other_config(ref, GUEST, name)
        if head:
            upload(xapi, ref, Head(head))
    return ref


def clone_name(guest: str) -> str:
    """Name of the disk that is removed with a guest."""
    return f"unilab-guest-{guest}"


def clones(xapi: Xapi, guest: str) -> list[str]:
    """Disks that were cloned for the guest, also those of no VM."""
    found = named(
        xapi.call.VDI, clone_name(guest), lambda row: row["other_config"].get(GUEST, guest) == guest
    )
    return list(found)


def destroy(xapi: Xapi, ref: str, patience_s: float = BUSY_PATIENCE_S) -> None:
    """Remove a disk; wait while it is busy. Raises XAPI's error where it stays busy."""
    from XenAPI import Failure

    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            xapi.call.VDI.destroy(ref)
            return
        except Failure as failure:
            if failure.details[0] == "HANDLE_INVALID":
                return
            if failure.details[0] != "VDI_IN_USE" or time.monotonic() > deadline_s:
                raise
        time.sleep(BUSY_PAUSE_S)
