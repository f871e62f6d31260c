"""The Linux kernel that this machine has installed, unpacked so that QEMU starts it directly.

A bzImage unpacks itself, which costs an emulated processor most of a second before the kernel's
first instruction. OSv's kernel.elf does not; with the unpacked kernel both are started alike, by
QEMU's PVH loader. Formats: the kernel's Documentation/arch/x86/boot.rst (setup_sects, payload_offset
and payload_length) and the magics of its scripts/extract-vmlinux.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError

_SETUP_SECTS_AT, _HEADER_MAGIC_AT, _PAYLOAD_AT = 0x1F1, 0x202, 0x248
_SECTOR_BYTES = 512
# Kernels append the unpacked length as u32 to every format but gzip's, whose own trailer has it.
_LENGTH_BYTES = 4
_GZIP = b"\x1f\x8b"
_UNPACKERS = {
    b"\x02\x21\x4c\x18": ("lz4", "-dc"),
    b"\x28\xb5\x2f\xfd": ("zstd", "-dcq"),
    b"\xfd7zXZ\x00": ("xz", "-dc"),
    _GZIP: ("gzip", "-dc"),
}


def newest_release(boot: Path, modules: Path) -> str:
    """The newest kernel release with a vmlinuz in ``boot`` and a folder in ``modules``.

    Raises LabError where there is none.
    """
    releases = [path.name.removeprefix("vmlinuz-") for path in boot.glob("vmlinuz-*")]
    usable = [release for release in releases if (modules / release / "modules.dep").is_file()]
    if not usable:
        raise LabError(
            f"{boot}: no kernel with modules in {modules}. Remedy: install linux-image-cloud-amd64 there."
        )
    return max(usable, key=_age)


def _age(release: str) -> list[tuple[int, str]]:
    words = "".join(letter if letter.isdigit() else " " for letter in release).split()
    return [*((int(word), "") for word in words), (0, release)]


def unpack_kernel(vmlinuz: Path) -> bytes:
    """The ELF kernel inside the bzImage ``vmlinuz``. Raises LabError."""
    content = vmlinuz.read_bytes()
    if content[_HEADER_MAGIC_AT : _HEADER_MAGIC_AT + 4] != b"HdrS":
        raise LabError(f"{vmlinuz}: not an x86 bzImage. Remedy: install a Debian or Ubuntu kernel.")
    offset, length = struct.unpack_from("<II", content, _PAYLOAD_AT)
    start = (content[_SETUP_SECTS_AT] + 1) * _SECTOR_BYTES + offset
    payload = content[start : start + length]
    kernel = unpack(vmlinuz, payload if payload.startswith(_GZIP) else payload[:-_LENGTH_BYTES])
    if not kernel.startswith(b"\x7fELF"):
        raise LabError(f"{vmlinuz}: its payload is no ELF kernel. Remedy: install a Debian or Ubuntu kernel.")
    return kernel


def unpack(named: Path, content: bytes) -> bytes:
    """``content`` unpacked by the tool that its magic asks for; as it is where it is not packed.

    ``named`` is the file in messages. Raises LabError where the tool is missing or fails.
    """
    for magic, command in _UNPACKERS.items():
        if content.startswith(magic):
            return _run(command, content, named)
    return content


def _run(command: Sequence[str], content: bytes, named: Path) -> bytes:
    if shutil.which(command[0]) is None:
        raise LabError(f"{named}: packed by {command[0]}, which is missing. Remedy: install {command[0]}.")
    done = subprocess.run(list(command), input=content, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise LabError(f"{named}: {command[0]} cannot unpack it: {said}. Remedy: install its package again.")
    return done.stdout
