"""A file tree as every image writer sees it, and the hash that names it.

The hash is sha256 over one line per entry, sorted by path in bytes. A line is the JSON array
``[path, type, mode, content]`` and a newline: path relative to the root; type directory, file or
symlink; mode "755" or "644" (directories 755, files by whether their owner may execute them,
symlinks "777"); content the sha256 of a file, the target of a symlink, "" for a directory. Owners,
times and the root itself do not count, nor does ``etc/unilab/artifact``, which holds the hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.hashing import sha256_of

from contracts.errors import InputError

ARTIFACT = "etc/unilab/artifact"


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory, file or symlink of a tree.

    Attributes:
        path: relative to the tree's root, parts joined by "/", never empty.
        kind: directory, file or symlink.
        mode: permission bits, 0o755 or 0o644; 0o777 for a symlink.
        size_bytes: a file's size, else 0.
        source: where its content is on this machine.
        target: a symlink's, else "".
    """

    path: str
    kind: str
    mode: int
    size_bytes: int
    source: Path
    target: str = ""

    @property
    def key(self) -> bytes:
        """What entries are sorted by: the path in bytes, a folder before what it holds."""
        return os.fsencode(self.path)


def walk(root: Path) -> list[Entry]:
    """Every entry below ``root``, sorted. Raises InputError as ``scan`` does."""
    return sorted(scan(root), key=lambda entry: entry.key)


def scan(root: Path) -> Iterator[Entry]:
    """Every entry below ``root``, one at a time: what a folder holds, by name in bytes, right behind it.

    Raises InputError for devices, pipes and sockets, and for what cannot be read.
    """
    waiting = [_children(root, "")]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        yield entry
        if entry.kind == "directory":
            waiting.append(_children(entry.source, entry.path + "/"))


def _children(folder: Path, prefix: str) -> Iterator[Entry]:
    try:
        for name in sorted(os.listdir(folder), key=os.fsencode):  # noqa: PTH208 - names only, there may be many
            yield entry_of(folder / name, prefix + name)
    except OSError as error:
        raise InputError(
            error.filename or folder, "", f"cannot read it: {error.strerror}", "make it readable"
        ) from None


def entry_of(source: Path, path: str) -> Entry:
    """``source`` as the entry ``path`` of a tree, with its mode normalised. Raises InputError."""
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, "symlink", 0o777, 0, source, os.readlink(source))  # noqa: PTH115 - Path mends the target
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, "directory", 0o755, 0, source)
    if stat.S_ISREG(status.st_mode):
        mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        return Entry(path, "file", mode, status.st_size, source)
    raise InputError(
        source,
        "",
        f"/{path} would be a device, pipe or socket",
        "stage files, directories and symlinks only",
    )


def listing(root: Path) -> list[str]:
    """The lines that the hash of ``root`` is taken of, without their newlines."""
    entries = (entry for entry in walk(root) if entry.path != ARTIFACT)
    return [line_of(entry, sha256_of(entry.source) if entry.kind == "file" else "") for entry in entries]


def line_of(entry: Entry, content_sha256: str) -> str:
    """The line of ``entry``; ``content_sha256`` is a file's, else ""."""
    content = content_sha256 if entry.kind == "file" else entry.target
    return json.dumps([entry.path, entry.kind, f"{entry.mode:o}", content])


def sort_lines(lines: list[str]) -> None:
    """Sort lines in place, as a listing is sorted."""
    lines.sort(key=lambda line: os.fsencode(json.loads(line)[0]))


def listing_sha256(lines: list[str]) -> str:
    """The tree's hash, from its ``listing``."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def artifact_sha256(root: Path) -> str:
    """The hash that staging left in the tree. Raises InputError where there is none."""
    try:
        return (root / ARTIFACT).read_text(encoding="ascii").strip()
    except OSError:
        raise InputError(root, "", "not a staged tree", "give a folder that staged_tree made") from None
