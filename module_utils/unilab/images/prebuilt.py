"""The unikernels that a study supplies as images: their files found, distinguished by content, hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images import qcow2
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from contracts.arms import PREBUILT_SUFFIX
from contracts.errors import InputError
from contracts.images.prebuilt import PrebuiltImage
from contracts.study import Study
from contracts.work.kernel_ranges import LINUX_KERNEL_RANGE, KernelRanges, kernel_ranges

_BZIMAGE_AT, _BZIMAGE = 0x202, b"HdrS"  # Linux, Documentation/arch/x86/boot.rst
_MULTIBOOT = bytes.fromhex("02b0ad1b")  # GNU Multiboot 0.6.96, 3.1: within the first 8192 bytes
_MULTIBOOT_WITHIN_BYTES = 8192
_PVH_ENTRY = 18  # XEN_ELFNOTE_PHYS32_ENTRY in Xen's public/elfnote.h
_VHD = b"conectix"  # at the end of every VHD, and at the head of a dynamic one
# Virtual Hard Disk Image Format Specification (Microsoft, 2006): Disk Type of the footer, big-endian.
_VHD_TYPE_AT, _VHD_DIFFERENCING = 60, b"\0\0\0\4"
_SECTOR_BYTES = 512


@dataclass(frozen=True)
class Part:
    """A kernel, initrd or disk. ``kind``: pvh, multiboot or bzImage; initrd; raw, qcow2 or vpc (VHD)."""

    name: str
    path: Path
    kind: str

    @cached_property
    def sha256(self) -> str:
        """Hash of the file, taken when first asked for: who only checks a study reads no whole disk."""
        return sha256_of(self.path)


@dataclass(frozen=True)
class Found:
    """The image that ``arm`` boots for ``service``; ``ranges`` are None where its kernel is not known."""

    arm: str
    service: str
    image: PrebuiltImage
    parts: list[Part]
    ranges: KernelRanges | None = None


@dataclass(frozen=True)
class Placed:
    """``files`` are (source, destination) to copy; ``facts`` what the role trial needs to know."""

    files: list[tuple[str, str]]
    facts: dict[str, Any]


def prebuilt_images(path: Path, study: Study) -> list[Found]:
    """The images that the cells of ``study``, read from ``path``, boot.

    Raises InputError that names the key where a file is missing or nothing that QEMU boots.
    """
    booted = {(cell.arm, cell.service) for cell in study.cells()}
    return [
        _found(path, name, service, image)
        for name, services in study.prebuilt.items()
        for service, image in services.items()
        if (f"{name}{PREBUILT_SUFFIX}", service) in booted
    ]


def _found(path: Path, name: str, service: str, image: PrebuiltImage) -> Found:
    key = f"prebuilt.{name}.{service}"
    parts = _parts(path, key, image)
    return Found(f"{name}{PREBUILT_SUFFIX}", service, image, parts, _ranges(path, key, image, parts))


def place(found: Found, folder: Path, artifacts: Mapping[str, str]) -> Placed:
    """Say where the files of ``found`` go in ``folder``, and how it is booted from there.

    ``artifacts`` are the hashes of the staged trees by service: an image that reports its identity was
    made of that tree, any other is its own artifact.
    """
    files = {
        part.name: str(folder / f"{found.arm}-{found.service}-{part.name}-{part.sha256[:12]}")
        for part in found.parts
    }
    by_name, image, sha256 = {part.name: part for part in found.parts}, found.image, _sha256(found.parts)
    kernel, ranges = by_name.get("kernel"), found.ranges or KernelRanges()
    release = f"{kernel.kind} kernel {kernel.sha256[:12]}" if kernel else f"on disk {sha256[:12]}"
    facts: dict[str, Any] = {
        "path": files.get("disk", ""),
        "disk_format": by_name["disk"].kind if "disk" in by_name else "raw",
        "boot": "kernel" if kernel else "disk",
        "kernel": files.get("kernel", ""),
        "initrd": files.get("initrd", ""),
        "kernel_release": f"{found.arm.removesuffix(PREBUILT_SUFFIX)}, {release}",
        "sha256": sha256,
        "bytes": sum(part.path.stat().st_size for part in found.parts),
        "artifact_sha256": artifacts.get(found.service, "") if image.identity == "nonce" else sha256,
        "cmdline": image.command_line,
        "env": {},
        "port": image.port,
        "address": str(image.address or ""),
        "identity": image.identity,
        "machine": image.machine,
        "counting": {"kernel": list(ranges.kernel), "idle": list(ranges.idle)},
    }
    return Placed([(str(part.path), files[part.name]) for part in found.parts], facts)


def _ranges(study: Path, key: str, image: PrebuiltImage, parts: list[Part]) -> KernelRanges | None:
    """Addresses by which the kernel's instructions are counted apart; None where no file shows them."""
    if image.kernel_elf is not None:
        try:
            return kernel_ranges(study.parent / image.kernel_elf)
        except InputError as error:
            remedy = "name the ELF file of the kernel that the image holds, absolute or beside the study"
            raise InputError(study, f"{key}.kernel_elf", f"{error.file}: {error.problem}", remedy) from None
    kernel = next((part for part in parts if part.name == "kernel"), None)
    if kernel is None:
        return None
    return KernelRanges((LINUX_KERNEL_RANGE,)) if kernel.kind == "bzImage" else kernel_ranges(kernel.path)


def _parts(study: Path, key: str, image: PrebuiltImage) -> list[Part]:
    found = []
    for name, kind_of in (("kernel", _kernel_kind), ("initrd", _initrd_kind), ("disk", _disk_format)):
        text = getattr(image, name)
        if text is None:
            continue
        path = (study.parent / text).resolve()
        try:
            with path.open("rb") as stream:
                kind = kind_of(stream)
            foreign = qcow2.problem(path) if kind == "qcow2" else None
        except OSError as error:
            problem, remedy = (
                f"cannot read {path}: {error.strerror}",
                "name a file, absolute or beside the study",
            )
            raise InputError(study, f"{key}.{name}", problem, remedy) from None
        if not kind:
            raise InputError(study, f"{key}.{name}", f"{path} {_WRONG[name]}", "name the right file")
        if foreign:
            raise InputError(study, f"{key}.{name}", f"{path} is {foreign[0]}", foreign[1])
        found.append(Part(name, path, kind))
    return found


_WRONG = {
    "kernel": "is neither a PVH or multiboot ELF for x86 nor a Linux bzImage",
    "initrd": "is empty",
    "disk": "is neither qcow2, a VHD without parent nor a raw disk of whole sectors",
}


def _sha256(parts: list[Part]) -> str:
    """One hash for all that the hypervisor is given: over ``NAME SHA256``, a line for each part."""
    return hashlib.sha256("".join(f"{part.name} {part.sha256}\n" for part in parts).encode()).hexdigest()


def _kernel_kind(stream: IO[bytes]) -> str:
    head = stream.read(_MULTIBOOT_WITHIN_BYTES)
    if head[_BZIMAGE_AT : _BZIMAGE_AT + len(_BZIMAGE)] == _BZIMAGE:
        return "bzImage"
    try:
        elf = ELFFile(stream)
        if elf["e_machine"] not in ("EM_X86_64", "EM_386"):
            return ""
        if any(_has_pvh_note(segment) for segment in elf.iter_segments()):
            return "pvh"
    except ELFError:
        return ""
    return "multiboot" if _MULTIBOOT in head else ""


def _has_pvh_note(segment: Any) -> bool:
    return isinstance(segment, NoteSegment) and any(
        note["n_name"] == "Xen" and note["n_type"] == _PVH_ENTRY for note in segment.iter_notes()
    )


def _disk_format(stream: IO[bytes]) -> str:
    head = stream.read(len(_VHD))
    size_bytes = stream.seek(0, 2)
    if qcow2.is_qcow2(head):
        return "qcow2"
    stream.seek(max(0, size_bytes - _SECTOR_BYTES))
    footer = stream.read(_SECTOR_BYTES)
    if _VHD in (head, footer[: len(_VHD)]):
        # A differencing disk names its parent, which can be any file of the host.
        return "" if footer[_VHD_TYPE_AT : _VHD_TYPE_AT + 4] == _VHD_DIFFERENCING else "vpc"
    return "raw" if size_bytes and size_bytes % _SECTOR_BYTES == 0 else ""


def _initrd_kind(stream: IO[bytes]) -> str:
    return "initrd" if stream.read(1) else ""
