"""Entries of a tree as a tar stream that depends on nothing but them: root's, 1970, sorted."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from typing import IO

from ansible.module_utils.unilab.images.tree import Entry

_TYPES = {"directory": tarfile.DIRTYPE, "file": tarfile.REGTYPE, "symlink": tarfile.SYMTYPE}


def write_tar(stream: IO[bytes], entries: Iterable[Entry]) -> None:
    """Write ``entries`` to ``stream``, which need not seek, in the given order (POSIX.1-2001 pax)."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            header = header_of(entry.path, entry.size_bytes)
            header.type, header.mode, header.linkname = _TYPES[entry.kind], entry.mode, entry.target
            if entry.kind == "file":
                with entry.source.open("rb") as content:
                    archive.addfile(header, content)
            else:
                archive.addfile(header)


def header_of(path: str, size: int) -> tarfile.TarInfo:
    """A header for a plain file of root's, with no time of its own."""
    header = tarfile.TarInfo(path)
    header.size = size
    header.mode = 0o644
    header.uname = header.gname = ""
    return header
