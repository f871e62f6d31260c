from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import loaders
import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.osv.command_line import read_command_line, set_command_line
from ansible.module_utils.unilab.images.osv.disk import Disk, write_disk
from trees import staged

needs_qemu_img = pytest.mark.skipif(
    shutil.which("qemu-img") is None, reason="no qemu-img: install qemu-utils to test VHD and qcow2"
)
FORMATS = ["raw", pytest.param("vhd", marks=needs_qemu_img), pytest.param("qcow2", marks=needs_qemu_img)]


def _disk(folder: Path, disk_format: str = "raw", kind: str = "disk") -> Path:
    """A disk whose command line is as long as may be."""
    loader, path = loaders.image(folder / "loader"), folder / "disk"
    write_disk(Disk(staged(folder).tree, kind, loader, "x" * 1023, disk_format), path)
    return path


def _raw(path: Path, disk_format: str) -> bytes:
    if disk_format == "raw":
        return path.read_bytes()
    name, raw = {"vhd": "vpc"}.get(disk_format, disk_format), path.with_suffix(".as_raw")
    subprocess.run(["qemu-img", "convert", "-f", name, "-O", "raw", path, raw], check=True)
    return raw.read_bytes()


@pytest.mark.parametrize("disk_format", FORMATS)
def test_a_command_line_is_replaced_in_place(tmp_path: Path, disk_format: str) -> None:
    disk = _disk(tmp_path, disk_format)
    before, size = _raw(disk, disk_format), disk.stat().st_size
    assert read_command_line(disk) == "x" * 1023
    assert set_command_line(disk, "--ip=eth0 /app/server ä")
    after = _raw(disk, disk_format)
    assert after[512:32768] == "--ip=eth0 /app/server ä".encode().ljust(63 * 512, b"\0")
    assert after[:512] + after[32768:] == before[:512] + before[32768:]
    assert disk.stat().st_size == size
    assert read_command_line(disk) == "--ip=eth0 /app/server ä"


def test_the_same_command_line_is_no_change(tmp_path: Path) -> None:
    disk = _disk(tmp_path)
    before = disk.stat().st_mtime_ns
    assert not set_command_line(disk, "x" * 1023)
    assert disk.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["x" * 1024, "ä" * 512, "a\0b"])
def test_a_command_line_that_osv_would_cut_is_refused(tmp_path: Path, text: str) -> None:
    disk = _disk(tmp_path)
    before = disk.read_bytes()
    with pytest.raises(LabError, match=r"disk: key cmdline: \d+ bytes; OSv keeps 1023"):
        set_command_line(disk, text)
    assert disk.read_bytes() == before


def test_a_disk_without_loader_takes_no_command_line(tmp_path: Path) -> None:
    disk = _disk(tmp_path, kind="kernel")
    before = disk.read_bytes()
    with pytest.raises(LabError, match=r"disk: holds no loader.*give the command line with the kernel"):
        set_command_line(disk, "/app/server")
    assert disk.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"text", bytes(40_000)])
def test_what_is_no_disk_of_osv_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(LabError, match="other: no disk of OSv"):
        set_command_line(path, "/app/server")
    assert path.read_bytes() == content


@needs_qemu_img
def test_a_compressed_disk_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    subprocess.run(
        ["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", _disk(tmp_path), packed], check=True
    )
    with pytest.raises(LabError, match=r"packed: its first sectors are packed.*convert -O raw"):
        set_command_line(packed, "/app/server")


def test_a_missing_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no-disk: cannot change its command line: No such file"):
        set_command_line(tmp_path / "no-disk", "/app/server")


def test_it_runs_where_only_ansible_is(tmp_path: Path) -> None:
    disk = _disk(tmp_path)
    program = f"""
import sys, ansible.module_utils
ansible.module_utils.__path__.append({str(Path(__file__).parents[5] / "module_utils")!r})
sys.modules |= dict.fromkeys(("contracts", "pydantic", "yaml", "elftools"))
from pathlib import Path
from ansible.module_utils.unilab.images.osv.command_line import set_command_line
set_command_line(Path({str(disk)!r}), "/app/server")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert read_command_line(disk) == "/app/server"
