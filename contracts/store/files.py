"""Whole files: each is complete or absent, and a record is created once and never again."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from contracts.errors import InputError

# GNU coreutils' format: `sha256sum -c SHA256SUMS` checks it too.
SUMS = "SHA256SUMS"
_SUM_LINE = re.compile(r"([0-9a-f]{64})  ([^/\0\n]+)")
_BLOCK_BYTES = 1 << 20


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` aside, sync it and rename it, so that ``path`` is whole or absent. Raises OSError."""
    with _aside(path, text) as made:
        made.replace(path)
    _sync(path.parent)


def create(path: Path, text: str) -> None:
    """Create ``path`` with ``text``, whole or not at all. Raises FileExistsError where it exists, OSError."""
    with _aside(path, text) as made:
        # Unlike a rename, a link never replaces a file.
        path.hardlink_to(made)
    _sync(path.parent)


@contextmanager
def _aside(path: Path, text: str) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        yield made
    finally:
        made.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sums_of(directory: Path, names: Sequence[str], texts: dict[str, str]) -> str:
    """The content of SHA256SUMS for the files ``names``, and for ``texts``, files that are yet to write."""
    sums = {name: _file_sha256(directory / name) for name in names if name != SUMS}
    sums |= {name: sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def check_sums(directory: Path, required: str, remedy: str) -> None:
    """Compare all files of ``directory`` with its SHA256SUMS, which has to list ``required``.

    Raises InputError, which names the first file that is missing or was changed.
    """
    sums = _read_sums(directory / SUMS, required, remedy)
    for name, digest in sums.items():
        _check_sum(directory / name, digest, remedy)


def check_file(directory: Path, name: str, remedy: str) -> None:
    """Compare the file ``name`` alone with the SHA256SUMS of ``directory``. Raises InputError."""
    _check_sum(directory / name, _read_sums(directory / SUMS, name, remedy)[name], remedy)


def _read_sums(path: Path, required: str, remedy: str) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InputError(path, "", f"cannot read the checksums: {reason}", remedy) from None
    matches = [_SUM_LINE.fullmatch(line) for line in lines]
    if None in matches:
        wrong = lines[matches.index(None)]
        raise InputError(path, "", f"not a line of checksums: {wrong[:80]!r}", remedy)
    sums = {match[2]: match[1] for match in matches if match}
    if required not in sums:
        raise InputError(path, required, "the checksum is missing", remedy)
    return sums


def _check_sum(path: Path, digest: str, remedy: str) -> None:
    if path.is_symlink() or not path.is_file():
        raise InputError(path, "", "the file is missing, and its checksum is not", remedy)
    if _file_sha256(path) != digest:
        raise InputError(path, "", "the file was changed since it was written: its checksum differs", remedy)


def _file_sha256(path: Path) -> str:
    total = sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            total.update(block)
    return total.hexdigest()


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of writing below ``path`` into an InputError; nothing finished is lost by it."""
    try:
        yield
    except OSError as error:
        raise InputError(
            error.filename or path,
            "",
            f"cannot write: {error.strerror or error}",
            "free space or make the folder writable, then give the same command again: it continues",
        ) from None
