"""Images that name other files of the host: refused by every reader, and never opened by QEMU."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images import qcow2
from ansible.module_utils.unilab.images.osv import command_line as osv_command_line
from ansible.module_utils.unilab.images.osv.loader import loader_kind, raw_loader
from ansible.module_utils.unilab.platforms import qemu
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from tests.unit.module_utils.platforms.test_qemu import BOOT, GUEST, option

SECRET = b"root:secret\n".ljust(1 << 16, b"\0")

needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-img") is None or shutil.which("qemu-system-x86_64") is None,
    reason="needs qemu-img and qemu-system-x86_64",
)


def make(folder: Path, *words: str) -> Path:
    """An image by qemu-img, of a folder with the file ``secret``."""
    (folder / "secret").write_bytes(SECRET)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *words], cwd=folder, check=True)
    return folder / "image"


def with_backing(folder: Path) -> Path:
    return make(folder, "-b", "secret", "-F", "raw", "image")


def with_data_file(folder: Path) -> Path:
    return make(folder, "-o", "data_file=secret,data_file_raw=on", "image", str(len(SECRET)))


HOSTILE = {"backing": with_backing, "external data": with_data_file}
hostile = pytest.mark.parametrize("image", HOSTILE.values(), ids=HOSTILE)


@needs_qemu
@hostile
def test_image_that_names_another_file_is_refused_everywhere(
    image: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = image(tmp_path)
    found = qcow2.problem(path)
    assert found and "which can be any file of the host" in found[0] and "qemu-img convert" in found[1]
    with pytest.raises(InputError, match=r"key loader: .*any file of the host"):
        loader_kind(path)
    with pytest.raises(InputError, match="any file of the host"), raw_loader(path):
        raise AssertionError("the loader was used")
    with pytest.raises(LabError, match=r"any file of the host\. Remedy: "):
        osv_command_line.set_command_line(path, "/app")
    boot = replace(BOOT, disk=path, disk_format="qcow2")
    with pytest.raises(LabError, match=r"key disk: .*any file of the host"):
        qemu.start(replace(GUEST, directory=tmp_path / "guest"), boot)
    assert not (tmp_path / "guest").exists()


@needs_qemu
@pytest.mark.parametrize("writes", ["refused", "kept", "discarded"])
def test_qemu_opens_no_backing_file(writes: str, tmp_path: Path) -> None:
    """Even for an image whose header was changed after it was checked; commas in its name are no options."""
    folder = tmp_path / "a,readonly=off b"
    folder.mkdir()
    path = with_backing(folder)
    (folder / "secret").unlink()  # QEMU ends at once where it looks for this file
    drive = option(
        qemu.command_of(GUEST, replace(BOOT, disk=path, disk_format="qcow2", disk_writes=writes)), "-drive"
    )
    safe, plain = drive.replace("if=virtio", "if=none"), f"file={str(path).replace(',', ',,')},if=none"
    assert _status(safe) == 0 and _status(plain) == 1


def _status(drive: str) -> int:
    program = ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-monitor", "stdio"]
    command = [*program, "-drive", drive]
    return subprocess.run(command, input=b"quit\n", capture_output=True, timeout=60, check=False).returncode


@needs_qemu
@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_ordinary_image_is_accepted(compat: str, tmp_path: Path) -> None:
    assert qcow2.problem(make(tmp_path, "-o", f"compat={compat}", "image", "1M")) is None


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"", "not a whole qcow2 image"),
        (b"QFI\xfb", "not a whole qcow2 image"),
        (struct.pack(">4sIQIIQI", b"QFI\xfb", 9, 0, 0, 16, 1, 0) + bytes(80), "unknown version 9"),
        (struct.pack(">4sIQIIQI", b"QFI\xfb", 2, 0, 0, 16, 1 << 41, 0) + bytes(80), "larger than 1 TiB"),
        (struct.pack(">4sIQIIQI", b"QFI\xfb", 2, 0, 0, 16, 1, 1) + bytes(80), "an encrypted"),
    ],
)
def test_damaged_or_extreme_header_is_refused(header: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(header)
    found = qcow2.problem(tmp_path / "image")
    assert found and problem in found[0] and found[1]


@given(content=st.binary(max_size=300), version=st.sampled_from([2, 3, None]))
@settings(max_examples=300, deadline=None)
def test_any_header_is_accepted_or_refused(content: bytes, version: int | None) -> None:
    head = b"" if version is None else struct.pack(">4sIQ", b"QFI\xfb", version, 0)
    with tempfile.NamedTemporaryFile() as file:
        path = Path(file.name)
        path.write_bytes(head + content)
        found, loader = qcow2.problem(path), ""
        try:
            loader = loader_kind(path)
        except InputError as error:
            assert "Remedy: " in str(error)
        assert found is None or loader != "qcow2"
