from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from ansible.module_utils.unilab.rofs import write_rofs
from ansible.module_utils.unilab.tree import Entry, walk
from hypothesis import given
from hypothesis import strategies as st
from rofs_reader import RofsReader

from contracts.errors import InputError

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
sizes = st.sampled_from([0, 1, 511, 512, 513, 1024, 5000])
folders = st.recursive(
    st.dictionaries(names, sizes | names, max_size=4),
    lambda inner: st.dictionaries(names, inner | sizes | names, max_size=4),
    max_leaves=12,
)


def _make(folder: Path, content: dict[str, object]) -> None:
    for name, what in content.items():
        path = folder / name
        if isinstance(what, dict):
            path.mkdir()
            _make(path, what)
        elif isinstance(what, str):
            path.symlink_to(what)
        else:
            assert isinstance(what, int)
            path.write_bytes(bytes(index % 251 for index in range(what)))


def _content(entry: Entry) -> bytes | None:
    if entry.kind == "symlink":
        return b"-> " + entry.target.encode()
    return entry.source.read_bytes() if entry.kind == "file" else None


def _image(entries: list[Entry]) -> bytes:
    stream = io.BytesIO()
    assert write_rofs(stream, entries) == stream.tell()
    return stream.getvalue()


@given(folders)
def test_what_is_written_is_read_back(content: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), content)
        entries = walk(Path(folder))
        wanted = {entry.key: _content(entry) for entry in entries}
        image = _image(entries)
        assert RofsReader(image).tree() == wanted
        assert _image(walk(Path(folder))) == image


def test_a_file_of_whole_blocks_takes_no_extra_block(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 1024)
    (tmp_path / "b").write_bytes(b"b")
    reader = RofsReader(_image(walk(tmp_path)))
    assert reader.data_end == (1 + 2 + 1) * 512


def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one")
    entries = walk(tmp_path)
    (tmp_path / "log").write_text("one and two")
    with pytest.raises(InputError, match="changed while it was copied"):
        _image(entries)


def test_a_target_that_the_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    entry = Entry("link", "symlink", 0o777, 0, tmp_path, "x" * 0x10000)
    with pytest.raises(InputError, match="over 65535 bytes"):
        _image([entry])
