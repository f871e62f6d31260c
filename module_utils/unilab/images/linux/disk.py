"""The disk of a Linux guest: an uncompressed squashfs that depends on nothing but its tree."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.libc import LibcFile, root_entries
from ansible.module_utils.unilab.images.tar_stream import write_tar
from ansible.module_utils.unilab.images.tree import artifact_sha256

# Uncompressed, as the other runtimes' files are; one processor, so that blocks keep their order.
_OPTIONS = (
    *("-tar", "-noappend", "-quiet", "-no-progress", "-processors", "1"),
    *("-noI", "-noD", "-noF", "-noX", "-no-xattrs"),
    *("-all-root", "-all-time", "0", "-mkfs-time", "0", "-root-mode", "755"),
)


def recipe(tree: Path, libc: Sequence[LibcFile]) -> dict[str, Any]:
    """All that the disk's content depends on."""
    return {
        "format": 1,
        "options": _OPTIONS,
        "artifact_sha256": artifact_sha256(tree),
        "libc": [[file.guest, file.sha256] for file in libc],
    }


def write_disk(tree: Path, libc: Sequence[LibcFile], path: Path) -> None:
    """Write the disk of ``tree`` and ``libc`` to ``path``. Raises InputError, LabError."""
    entries = root_entries(tree, list(libc))
    program = shutil.which("mksquashfs")
    if program is None:
        raise LabError("mksquashfs is not installed here. Remedy: install the package squashfs-tools.")
    with subprocess.Popen(
        [program, "-", str(path), *_OPTIONS],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stderr is not None
        try:
            write_tar(process.stdin, entries)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it gave up early; what it said follows
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        last = (said.splitlines() or ["no message"])[-1]
        raise LabError(
            f"mksquashfs made no disk of {tree}: {last}. Remedy: check free space at {path.parent}."
        )
