"""The first sectors of a boot disk with another command line: the part that differs between trials."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible.module_utils.unilab.images.linux import boot_disk as linux_boot_disk
from ansible.module_utils.unilab.images.osv import command_line as osv_command_line

# Boot sector and command line, of OSv or of SYSLINUX, and no more than whole blocks of any storage.
HEAD_BYTES = linux_boot_disk.HEAD_BYTES


def head_of(image: Path, command_line: str) -> bytes:
    """The first 64 KiB of the raw boot disk ``image`` with ``command_line`` in them.

    Raises LabError where the disk has no space for one, or it is too long.
    """
    with image.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if linux_boot_disk.is_boot_disk(head):
        return linux_boot_disk.with_command_line(image, head, command_line)
    with tempfile.TemporaryDirectory() as aside:
        copy = Path(aside) / image.name
        copy.write_bytes(head)
        osv_command_line.set_command_line(copy, command_line)
        return copy.read_bytes()
