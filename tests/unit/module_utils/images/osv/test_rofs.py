from __future__ import annotations

import hashlib
import itertools
import mmap
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.unilab.images.osv.rofs import lay_out, write_rofs
from ansible.module_utils.unilab.images.sparse_file import SparseWriter, data_extents
from ansible.module_utils.unilab.images.tree import Entry, scan, walk
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rofs_reader import RofsReader

from contracts.errors import InputError

# A file: how many bytes. A symlink: its target. ONE_MORE: a hard link to the file made before.
ONE_MORE = -1
NO_SLASH = bytes.maketrans(b"/\0", b"._")
names = (
    (st.binary(min_size=1, max_size=20) | st.binary(min_size=255, max_size=255))
    .map(lambda name: name.translate(NO_SLASH))
    .filter(lambda name: name not in (b".", b".."))
)
targets = st.binary(min_size=1, max_size=300).map(lambda target: target.replace(b"\0", b"0"))
files = st.sampled_from([0, 1, 511, 512, 513, 1024, 5000, 65536, ONE_MORE])
leaves = files | targets
folders = st.recursive(
    st.dictionaries(names, leaves, max_size=4),
    lambda inner: st.dictionaries(names, inner | leaves, max_size=4),
    max_leaves=12,
)


def _make(folder: Path, content: Mapping[bytes, object]) -> None:
    last = None
    for name, what in content.items():
        path = folder / os.fsdecode(name)
        if isinstance(what, dict):
            path.mkdir()
            _make(path, what)
        elif isinstance(what, bytes):
            path.symlink_to(os.fsdecode(what))
        elif what == ONE_MORE and last is not None:
            path.hardlink_to(last)
        else:
            assert isinstance(what, int)
            path.write_bytes(bytes(index % 251 for index in range(max(what, 0))))
            last = path


def _read(root: Path) -> dict[bytes, bytes | None]:
    """What the reader is to find, by other means than the writer's."""
    found: dict[bytes, bytes | None] = {}
    for path in root.rglob("*"):
        key = os.fsencode(path.relative_to(root))
        if path.is_symlink():
            found[key] = b"-> " + os.readlink(os.fsencode(path))  # noqa: PTH115 - Path mends the target
        else:
            found[key] = path.read_bytes() if path.is_file() else None
    return found


def _write(root: Path, image: Path) -> dict[str, str]:
    """Write the file system of ``root`` to ``image``; the hash of each file on the way."""
    layout = lay_out(scan(root))
    with image.open("wb") as stream:
        sink = SparseWriter(stream)
        hashes = {entry.path: sha256 for entry, sha256 in write_rofs(sink, layout, scan(root)) if sha256}
        reported = sink.finish()
    assert sink.length == layout.length_bytes == image.stat().st_size
    if sink.length < 1 << 28:
        assert reported == hashlib.sha256(image.read_bytes()).hexdigest()
    return hashes


def _image(root: Path) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        _write(root, Path(file.name))
        return Path(file.name).read_bytes()


@settings(deadline=None, max_examples=60)
@given(folders)
@example({b"\xff\xfe": 512, b"a": {b"-": 1, b"\n": b"\x80"}, b"a-": 0, b"a.b": ONE_MORE})
def test_what_is_written_is_read_back(content: dict[bytes, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, image = Path(folder) / "tree", Path(folder) / "image"
        root.mkdir()
        _make(root, content)
        hashes = _write(root, image)
        wanted = _read(root)
        assert RofsReader(image.read_bytes()).tree() == wanted
        for path, sha256 in hashes.items():
            assert sha256 == hashlib.sha256(wanted[os.fsencode(path)] or b"").hexdigest()
        assert set(hashes) == {entry.path for entry in walk(root) if entry.kind == "file"}


def test_the_order_of_a_directory_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "cab":
        (tmp_path / name).mkdir()
        for file in "zxy":
            (tmp_path / name / file).write_text(name + file)
    image, listed = _image(tmp_path), os.listdir
    for order in (sorted, lambda found: sorted(found, reverse=True)):
        monkeypatch.setattr(os, "listdir", lambda path, order=order: order(listed(path)))
        assert _image(tmp_path) == image


def test_scan_gives_what_walk_gives_in_another_order(tmp_path: Path) -> None:
    for path in ("a/x", "a-b/x", "a.b"):
        (tmp_path / path).mkdir(parents=True)
    paths = [entry.path for entry in scan(tmp_path)]
    assert paths == ["a", "a/x", "a-b", "a-b/x", "a.b"]
    assert [entry.path for entry in walk(tmp_path)] == ["a", "a-b", "a-b/x", "a.b", "a/x"]


def test_deep_paths(tmp_path: Path) -> None:
    depth = 1010  # beyond what Python recurses, so pytest could not remove it either
    folders = list(itertools.accumulate(["d"] * depth, lambda above, name: above / name, initial=tmp_path))
    for folder in folders[1:]:
        folder.mkdir()
    file = folders[-1] / "f"
    file.write_text("deep")
    try:
        assert RofsReader(_image(tmp_path)).tree()[b"d/" * depth + b"f"] == b"deep"
    finally:
        file.unlink()
        for folder in reversed(folders[1:]):
            folder.rmdir()


def test_a_file_of_whole_blocks_takes_no_extra_block(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 1024)
    (tmp_path / "b").write_bytes(b"b")
    reader = RofsReader(_image(tmp_path))
    assert reader.data_end == (1 + 2 + 1) * 512


def test_a_sparse_file_of_4_gb_stays_sparse(tmp_path: Path) -> None:
    size = 4 << 30
    root, image = tmp_path / "tree", tmp_path / "image"
    root.mkdir()
    with (root / "sparse").open("wb") as stream:
        for at in (0, 3_000_000_123, size - 5):
            stream.seek(at)
            stream.write(b"data\n")
    _write(root, image)
    assert image.stat().st_blocks * 512 < 1 << 20
    with image.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        reader = RofsReader(content)
        ((number, name),) = reader.entries
        start, length = reader.extent(number)
        assert (name, length) == (b"sparse", size)
        extents = list(data_extents(stream.fileno(), len(content)))
        found = [
            first + match.start() - start
            for first, end in extents
            for match in re.finditer(b"data\n", content[first:end])
        ]
    assert found == [0, 3_000_000_123, size - 5]


def test_long_runs_of_zeros_become_holes(tmp_path: Path) -> None:
    root, image = tmp_path / "tree", tmp_path / "image"
    root.mkdir()
    (root / "dense").write_bytes(b"a" + bytes(8 << 20) + b"b")
    _write(root, image)
    assert image.stat().st_blocks * 512 < 3 << 20
    assert RofsReader(image.read_bytes()).tree() == {b"dense": b"a" + bytes(8 << 20) + b"b"}


@pytest.mark.parametrize("text", ["one and two", "on", "ONE"])
def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    log = root / "log"
    log.write_text("one")
    os.utime(log, (1, 1))
    read = os.preadv

    def read_and_change(*arguments: Any) -> int:
        count = read(*arguments)
        log.write_text(text)
        return count

    monkeypatch.setattr(os, "preadv", read_and_change)
    with pytest.raises(InputError, match="log: changed while it was packed"):
        _write(root, tmp_path / "image")


@pytest.mark.parametrize("what", ["grown", "gone", "added", "folder"])
def test_a_tree_that_changes_meanwhile_is_refused(tmp_path: Path, what: str) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "b").write_text("one")
    layout = lay_out(scan(root))
    if what == "grown":
        (root / "b").write_text("one and two")
    elif what == "added":
        (root / "a").write_text("x")
    else:
        (root / "b").unlink()
    if what == "folder":
        (root / "b").mkdir()
    with (tmp_path / "image").open("wb") as stream, pytest.raises(InputError, match="changed while it was"):
        list(write_rofs(SparseWriter(stream), layout, scan(root)))


@pytest.mark.parametrize(
    ("path", "target", "problem"),
    [
        ("n" * 256, "", "its name has 256 bytes; OSv takes 255"),
        ("ä" * 128, "", "its name has 256 bytes; OSv takes 255"),
        ("link", "x" * 4096, "its target has 4096 bytes; OSv takes 4095"),
    ],
)
def test_what_osv_would_cut_is_refused(tmp_path: Path, path: str, target: str, problem: str) -> None:
    entry = Entry(path, "symlink" if target else "file", 0o644, 0, tmp_path / "source", target)
    with pytest.raises(InputError, match=f"source: {problem}"):
        lay_out([entry])


def test_a_path_that_osv_would_cut_is_refused(tmp_path: Path) -> None:
    paths = list(itertools.accumulate(["d" * 200] * 21, lambda above, name: f"{above}/{name}"))
    with pytest.raises(InputError, match="its path has 4221 bytes; OSv takes 4095"):
        lay_out([Entry(path, "directory", 0o755, 0, tmp_path) for path in paths])


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.mknod(path, 0o20600, os.makedev(1, 3))])
def test_devices_and_pipes_are_refused(tmp_path: Path, make: Any) -> None:
    try:
        make(tmp_path / "special")
    except PermissionError:
        pytest.skip("only root makes device files")
    with pytest.raises(InputError, match=r"special: /special would be a device, pipe or socket"):
        lay_out(scan(tmp_path))
