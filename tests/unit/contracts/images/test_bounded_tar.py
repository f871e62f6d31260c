"""Tar files of other people: every hostile kind is refused by name, at once."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from contracts.images.bounded_tar import Bounds, inner_path, link_target, read_tar


def tar_of(
    members: dict[str, bytes], pax: dict[str, str] | None = None, kind: bytes = tarfile.REGTYPE
) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.pax_headers = len(content), kind, pax or {}
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def header(size: int, kind: bytes = tarfile.REGTYPE, name: str = "x") -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def consume(path: Path, bounds: Bounds | None = None) -> list[str]:
    with read_tar(path, bounds or Bounds()) as archive:
        return [member.name for member in archive]


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Every test here takes less than 256 MiB and 20 s of CPU."""
    tracemalloc.start()
    began = time.process_time()
    yield
    spent, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 << 20
    assert spent < 20


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_members_are_read_in_order(tmp_path: Path, compress: type[bytes]) -> None:
    path = tmp_path / "one.mpm"
    path.write_bytes(compress(tar_of({"a": b"1", "b/c": b"22"})))
    with read_tar(path) as archive:
        found = [(member.name, archive.read(member, 10)) for member in archive]
    assert found == [("a", b"1"), ("b/c", b"22")]


def test_copy_writes_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "one.mpm"
    path.write_bytes(tar_of({"a": b"x" * 3_000_000}))
    with read_tar(path) as archive:
        for member in archive:
            archive.copy(member, tmp_path / "copy")
            with pytest.raises(FileExistsError):
                archive.copy(member, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size == 3_000_000


def _zeros(size: int) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1) as stream:
        stream.write(header(size))
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
    return target.getvalue()


PAX_SPARSE = (
    {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1099511627776"},
    {"GNU.sparse.size": "1099511627776"},
)
HOSTILE = {
    "sparse of old GNU": (header(1 << 40, tarfile.GNUTYPE_SPARSE), "sparse file"),
    "sparse by map": (tar_of({"x": b"1"}, PAX_SPARSE[0]), "sparse file"),
    "sparse by size": (tar_of({"x": b"1"}, PAX_SPARSE[1]), "sparse file"),
    "sparse 1.0": (tar_of({"x": b"1"}, {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), "sparse file"),
    "long name": (header(1 << 30, tarfile.GNUTYPE_LONGNAME), "an extended header of 1073741824 bytes"),
    "extended header": (header(1 << 40, tarfile.XHDTYPE), "an extended header of"),
    "global header": (header(1 << 40, tarfile.XGLTYPE), "an extended header of"),
    "negative size": (header(-512), "has the size -512"),
    "1 TB": (header(1 << 40) + bytes(1024), "has the size 1099511627776"),
    "chain of headers": (header(0, tarfile.GNUTYPE_LONGNAME) * 5000, "not a whole tar file"),
    "zip bomb": (_zeros(128 << 20), "compressed by more than 1 to 200"),
    "no tar": (b"no tar file at all" * 100, "not a whole tar file"),
    "empty": (b"", "not a whole tar file"),
    "half gzip": (gzip.compress(tar_of({"x": b"1" * 9999}))[:-20], "not a whole tar file"),
    "bad gzip": (b"\x1f\x8b\x08" + bytes(40), "not a whole tar file"),
    "xz": (b"\xfd7zXZ\x00" + bytes(500), "not a whole tar file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    content, problem = HOSTILE[name]
    path = tmp_path / "one.mpm"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        consume(path)
    assert caught.value.file == str(path)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_size_and_number_of_members_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "one.mpm"
    path.write_bytes(tar_of({f"{number}": b"" for number in range(11)}))
    assert len(consume(path, Bounds(members=12))) == 11
    with pytest.raises(InputError, match="more than 10 members"):
        consume(path, Bounds(members=10))
    with pytest.raises(InputError, match="larger than 2048 bytes when it is uncompressed"):
        consume(path, Bounds(bytes=2048))


def test_content_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "one.mpm"
    path.write_bytes(tar_of({"a": b"12345"}))
    with read_tar(path) as archive, pytest.raises(InputError, match="'a' has 5 bytes, more than 4"):
        for member in archive:
            archive.read(member, 4)


def test_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read it: No such file"):
        consume(tmp_path / "none")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "a/" + "b" * 256, "a\0b"])
def test_names_that_no_tree_can_have_are_refused(name: str) -> None:
    with pytest.raises(InputError):
        inner_path(Path("one.mpm"), name)


@pytest.mark.parametrize(("name", "path"), [("/a//b/./c/", "a/b/c"), ("./", ""), ("..a/b..", "..a/b..")])
def test_names_begin_at_the_root(name: str, path: str) -> None:
    assert inner_path(Path("one.mpm"), name) == path


@pytest.mark.parametrize("target", ["", "a\0b", "a" * 5000])
def test_symlinks_to_no_name_are_refused(target: str) -> None:
    member = tarfile.TarInfo("x")
    member.linkname = target
    with pytest.raises(InputError):
        link_target(Path("one.mpm"), member)


WHOLE = tar_of({"meta/package.yaml": b"name: x\n", "lib/" + "n" * 200: b"x" * 700}, {"path": "lib/é"})


@settings(max_examples=300, deadline=5000)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12), st.booleans())
def test_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], compressed: bool
) -> None:
    content = bytearray(WHOLE)
    for at, value in changes:
        content[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.mpm"
    path.write_bytes(gzip.compress(bytes(content)) if compressed else bytes(content))
    try:
        with read_tar(path) as archive:
            for member in archive:
                if member.isreg() and member.size < 1 << 20:
                    archive.read(member, 1 << 20)
    except InputError as error:
        assert error.file == str(path)
