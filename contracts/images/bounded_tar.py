"""Tar files of other people, plain or compressed by gzip or zstd, read one member after another within
bounds.

A hostile file must neither fill the disk or the memory nor stop the reader: sizes, number of members, length
of headers and the compression ratio are bounded, and sparse members, which claim more bytes than they have,
are refused.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from contracts.errors import InputError

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK_BYTES = 1 << 20
FOLDERS_MAX = 200
_TARGET_BYTES = 4095  # PATH_MAX of Linux without its NUL
_EXTENDED = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


@dataclass(frozen=True)
class Bounds:
    """What a tar file may have.

    Attributes:
        bytes: uncompressed, headers included.
        members: their number.
        header_bytes: of one extended header, which is read into memory.
        ratio: uncompressed to compressed bytes, once ``ratio_from_bytes`` are uncompressed.
        window_bytes: memory that zstd may ask for.
    """

    bytes: int = 8 << 30
    members: int = 500_000
    header_bytes: int = 1 << 20
    ratio: int = 200
    ratio_from_bytes: int = 64 << 20
    window_bytes: int = 128 << 20


class _RefusedError(Exception):
    """What is wrong with the file, and the remedy."""


class _Member(tarfile.TarInfo):
    """A header that is refused before tarfile reads what it announces."""

    bounds = Bounds()

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _EXTENDED and not 0 <= self.size <= self.bounds.header_bytes:
            raise _RefusedError(f"an extended header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._sparse()
        if not 0 <= self.size <= self.bounds.bytes:
            raise _RefusedError(f"'{self.name}' has the size {self.size}")
        return cast(tarfile.TarInfo, super()._proc_member(tar))  # type: ignore[misc]

    def _sparse(self, *_: Any) -> NoReturn:
        raise _RefusedError(f"'{self.name}' is a sparse file")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _sparse


class _Counted(io.RawIOBase):
    """An uncompressed stream that ends with an error where it exceeds its bounds."""

    def __init__(self, stream: IO[bytes], compressed: IO[bytes], bounds: Bounds) -> None:
        self.stream, self.compressed, self.bounds, self.count = stream, compressed, bounds, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(min(size, _CHUNK_BYTES) if size >= 0 else _CHUNK_BYTES)
        self.count += len(data)
        if self.count > self.bounds.bytes:
            raise _RefusedError(f"larger than {self.bounds.bytes} bytes when it is uncompressed")
        if self.count > self.bounds.ratio_from_bytes:
            packed = max(1, self.compressed.tell())
            if self.count > self.bounds.ratio * packed:
                raise _RefusedError(f"compressed by more than 1 to {self.bounds.ratio}")
        return data


class TarReader:
    """The members of one tar file, in their order. Every method raises InputError that names the file."""

    def __init__(self, path: Path, archive: tarfile.TarFile, bounds: Bounds) -> None:
        self.path, self._archive, self._bounds = path, archive, bounds

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        count = 0
        while True:
            with _explained(self.path):
                member = self._archive.next()
                # Members that are behind are of no use, and there may be many.
                self._archive.members = []  # type: ignore[attr-defined]
                count += 1
                if count > self._bounds.members:
                    raise _RefusedError(f"more than {self._bounds.members} members")
            if member is None:
                return
            yield member

    def read(self, member: tarfile.TarInfo, limit_bytes: int) -> bytes:
        """The content of the regular file ``member``, the last that was iterated."""
        with _explained(self.path):
            if member.size > limit_bytes:
                raise _RefusedError(f"'{member.name}' has {member.size} bytes, more than {limit_bytes}")
            return self._content(member).read()

    def copy(self, member: tarfile.TarInfo, target: Path) -> None:
        """Write the regular file ``member``, the last that was iterated, to the new file ``target``."""
        content = self._content(member)
        with target.open("xb") as file:
            while True:
                with _explained(self.path):
                    data = content.read(_CHUNK_BYTES)
                if not data:
                    return
                file.write(data)

    def _content(self, member: tarfile.TarInfo) -> IO[bytes]:
        content = self._archive.extractfile(member) if member.isreg() else None
        if content is None:
            raise InputError(self.path, "", f"'{member.name}' is no regular file", "build it again")
        return content


@contextmanager
def read_tar(path: Path, bounds: Bounds = Bounds()) -> Iterator[TarReader]:
    """Open the tar file ``path``. Raises InputError where it is missing, damaged, or exceeds ``bounds``."""
    try:
        compressed = path.open("rb")
    except OSError as error:
        raise InputError(
            path, "", f"cannot read it: {error.strerror}", "give the path of a tar file"
        ) from None
    with compressed:
        with _explained(path):
            archive = _opened(compressed, bounds)
        with archive:
            yield TarReader(path, archive, bounds)


def hash_uncompressed(path: Path, bounds: Bounds) -> str:
    """sha256 of the file ``path``, uncompressed, in hexadecimal. Raises InputError as read_tar does."""
    digest = hashlib.sha256()
    with path.open("rb") as compressed, _explained(path):
        stream = _Counted(uncompressed(compressed, bounds), compressed, bounds)
        while data := stream.read():
            digest.update(data)
    return digest.hexdigest()


def inner_path(path: Path, name: str) -> str:
    """Where the member ``name`` of the tar file ``path`` belongs, relative to the root, "" for the root
    itself.

    Raises InputError where it leaves the tree, or is no name of a file.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InputError(path, "", f"'{name}' leaves the tree", "build it again, without '..' in its paths")
    if len(parts) > FOLDERS_MAX:
        problem = f"'{name[:60]}' is more than {FOLDERS_MAX} folders deep"
        raise InputError(path, "", problem, "build it again, with shorter paths")
    if "\0" in name or any(len(part.encode(errors="surrogateescape")) > 255 for part in parts):
        raise InputError(
            path, "", f"'{name[:60]}' is no name of a file", "build it again, with shorter names"
        )
    return "/".join(parts)


def link_target(path: Path, member: tarfile.TarInfo) -> str:
    """The target of the symlink ``member`` of the tar file ``path``. Raises InputError."""
    target = member.linkname
    if not target or "\0" in target or len(target.encode(errors="surrogateescape")) > _TARGET_BYTES:
        raise InputError(
            path, "", f"'{member.name[:60]}' is a symlink to no name of a file", "build it again"
        )
    return target


def uncompressed(stream: IO[bytes], bounds: Bounds) -> IO[bytes]:
    """``stream`` uncompressed by gzip or zstd, or as it is, by its first bytes."""
    head = stream.read(4)
    stream.seek(0)
    if head.startswith(GZIP_MAGIC):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    if head == ZSTD_MAGIC:
        import zstandard

        decompressor = zstandard.ZstdDecompressor(max_window_size=bounds.window_bytes)
        return cast(IO[bytes], decompressor.stream_reader(stream, read_across_frames=True))
    return stream


def _opened(compressed: IO[bytes], bounds: Bounds) -> tarfile.TarFile:
    counted = _Counted(uncompressed(compressed, bounds), compressed, bounds)
    kind = type("_Member", (_Member,), {"bounds": bounds})
    return tarfile.open(fileobj=cast(IO[bytes], counted), mode="r|", tarinfo=kind, bufsize=_CHUNK_BYTES)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _RefusedError as error:
        raise InputError(
            path, "", f"refused: {error}", "give a file that you trust, or build it again"
        ) from None
    except InputError:
        raise
    except (tarfile.TarError, zlib.error, struct.error) as error:
        raise _damaged(path, error) from None
    except (EOFError, OSError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise _damaged(path, error) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "zstandard":
            raise
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(path, "", f"not a whole tar file: {reason}", "build or fetch it again")
