"""The header of a qcow2 image, read before any program opens it: images from elsewhere are hostile.

A qcow2 image can name another file, as its backing file or as its external data file. Whatever opens such an
image reads that file of the host, and shows its content to the guest or copies it into another image.
Format: QEMU, docs/interop/qcow2.rst.
"""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC = b"QFI\xfb"
# Larger than any disk of a guest; a small file can claim exabytes.
VIRTUAL_BYTES_MAX = 1 << 40

# magic, version, backing_file_offset, backing_file_size, cluster_bits, size, crypt_method
_HEADER = struct.Struct(">4sIQIIQI")
_FEATURES_AT, _FEATURES = 72, struct.Struct(">Q")
_EXTERNAL_DATA = 1 << 2
_EXTENSIONS_AT, _EXTENSION = 100, struct.Struct(">II")
_DATA_FILE_NAME = 0x44415441
_HEADER_LENGTH_MAX, _EXTENSIONS_MAX = 4096, 64
_FLATTEN = "copy its content to one file where its origin is trusted: qemu-img convert -O qcow2 IMAGE NEW"


def is_qcow2(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a qcow2 image."""
    return head.startswith(MAGIC)


def problem(path: Path) -> tuple[str, str] | None:
    """Why the qcow2 image ``path`` must not be opened, and the remedy; None where it may. Raises OSError."""
    with path.open("rb") as stream:
        head = stream.read(_HEADER_LENGTH_MAX)
    if len(head) < _FEATURES_AT or not is_qcow2(head):
        return "not a whole qcow2 image", "copy or download it again"
    _, version, backing_at, _, _, size, encryption = _HEADER.unpack_from(head)
    if version not in (2, 3):
        return f"qcow2 of the unknown version {version}", "give an image of version 2 or 3"
    data_file = version == 3 and (_features(head) & _EXTERNAL_DATA or _names_data_file(head))
    if backing_at or data_file:
        what = "a backing file" if backing_at else "an external data file"
        return f"a qcow2 image with {what}, which can be any file of the host", _FLATTEN
    if encryption:
        return "an encrypted qcow2 image", "decrypt it: qemu-img convert"
    if size > VIRTUAL_BYTES_MAX:
        return f"a qcow2 image of {size >> 40} TiB, larger than 1 TiB", "give a smaller disk"
    return None


def _features(head: bytes) -> int:
    return int(_FEATURES.unpack_from(head, _FEATURES_AT)[0])


def _names_data_file(head: bytes) -> bool:
    at = int(struct.unpack_from(">I", head, _EXTENSIONS_AT)[0]) if len(head) >= 104 else len(head)
    for _ in range(_EXTENSIONS_MAX):
        if at + _EXTENSION.size > len(head):
            return False
        kind, length = _EXTENSION.unpack_from(head, at)
        if kind == 0:
            return False
        if kind == _DATA_FILE_NAME:
            return True
        at += _EXTENSION.size + (length + 7 & ~7)
    return True
