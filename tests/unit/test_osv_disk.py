from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab import osv_disk
from ansible.module_utils.unilab.tree import walk
from rofs_reader import RofsReader
from trees import compile_c, staged

from contracts.errors import InputError

LOADER_BYTES = 3_000_000


@pytest.fixture
def loader(tmp_path: Path) -> Path:
    """Bytes with a boot signature, standing for OSv's loader image."""
    content = bytearray(index * 7 % 256 for index in range(LOADER_BYTES))
    content[510:512] = b"\x55\xaa"
    path = tmp_path / "loader.img"
    path.write_bytes(content)
    return path


def _partition(disk: bytes) -> tuple[int, int]:
    entry = disk[0x1BE + 16 : 0x1BE + 32]
    assert entry[0] == 0
    assert entry[4] == 0x83
    for chs in (entry[1:4], entry[5:8]):
        assert chs[1] & 0x3F
    first, count = struct.unpack("<II", entry[8:])
    return first, count


def _file_system(disk: bytes) -> RofsReader:
    first, count = _partition(disk)
    return RofsReader(disk[first * 512 : (first + count) * 512])


def test_a_disk_for_a_kernel_holds_the_file_system_from_its_second_sector(tmp_path: Path) -> None:
    tree = staged(tmp_path).tree
    osv_disk.write_disk("kernel", tmp_path / "unused", walk(tree), "unused", tmp_path / "disk")
    disk = (tmp_path / "disk").read_bytes()
    assert _partition(disk)[0] == 1
    assert len(disk) % 65536 == 0
    files = _file_system(disk).tree()
    assert files[b"app/server"] == (tree / "app/server").read_bytes()
    assert files[b"etc/mnttab"] == b"-> /proc/mounts"


def test_a_boot_disk_keeps_the_loader(tmp_path: Path, loader: Path) -> None:
    tree = staged(tmp_path).tree
    osv_disk.write_disk("disk", loader, walk(tree), "/app/server", tmp_path / "disk")
    disk, original = (tmp_path / "disk").read_bytes(), loader.read_bytes()
    assert _partition(disk)[0] * 512 == 4 << 20
    assert disk[65536:LOADER_BYTES] == original[65536:]
    assert disk[: 0x1BE + 16] == original[: 0x1BE + 16]
    assert disk[0x1BE + 32 : 512] == original[0x1BE + 32 : 512]
    assert disk[512 : 512 + 63 * 512] == b"/app/server".ljust(63 * 512, b"\0")
    assert not any(disk[LOADER_BYTES : 4 << 20])
    assert b"app/server" in _file_system(disk).tree()


def test_a_command_line_replaces_a_longer_one(tmp_path: Path, loader: Path) -> None:
    disk = tmp_path / "disk"
    osv_disk.write_disk("disk", loader, walk(staged(tmp_path).tree), "x" * 1023, disk)
    before = disk.read_bytes()
    osv_disk.set_command_line(disk, "--ip=eth0 /app/server")
    after = disk.read_bytes()
    assert after[512:32768] == b"--ip=eth0 /app/server".ljust(63 * 512, b"\0")
    assert after[:512] + after[32768:] == before[:512] + before[32768:]


@pytest.mark.parametrize("text", ["x" * 1024, "ä" * 512, "a\0b"])
def test_a_command_line_that_osv_would_cut_is_refused(tmp_path: Path, loader: Path, text: str) -> None:
    disk = tmp_path / "disk"
    osv_disk.write_disk("disk", loader, walk(staged(tmp_path).tree), "", disk)
    before = disk.read_bytes()
    with pytest.raises(InputError, match="OSv keeps 1023"):
        osv_disk.set_command_line(disk, text)
    assert disk.read_bytes() == before


def test_a_disk_without_loader_takes_no_command_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    osv_disk.write_disk("kernel", disk, walk(staged(tmp_path).tree), "", disk)
    before = disk.read_bytes()
    with pytest.raises(InputError, match="holds no loader"):
        osv_disk.set_command_line(disk, "/app/server")
    assert disk.read_bytes() == before


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"\x7fELF", "kernel"), (b"QFI\xfb", "qcow2"), (bytes(510) + b"\x55\xaa", "disk")],
)
def test_loaders_are_told_apart_by_content(tmp_path: Path, head: bytes, kind: str) -> None:
    path = tmp_path / "named.anything"
    path.write_bytes(head.ljust(2048, b"\0"))
    assert osv_disk.loader_kind(path) == kind


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b" + bytes(600), b"text"])
def test_other_loaders_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "osv-loader.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"osv-loader\.gz.*neither an ELF kernel"):
        osv_disk.loader_kind(path)


def test_a_missing_loader_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-loader: key loader: cannot read it"):
        osv_disk.loader_kind(tmp_path / "no-loader")


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="no qemu-img: install qemu-utils to test qcow2")
def test_a_qcow2_loader_is_converted_first(tmp_path: Path, loader: Path) -> None:
    packed = tmp_path / "loader.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", loader, packed], check=True)
    with osv_disk.raw_loader(packed) as (kind, raw):
        assert kind == "disk"
        assert raw.read_bytes()[:LOADER_BYTES] == loader.read_bytes()


@pytest.mark.parametrize(
    ("sector", "chs"), [(0, "000100"), (62, "003f00"), (63, "010100"), (1 << 30, "feffff")]
)
def test_addresses_by_cylinder(sector: int, chs: str) -> None:
    assert osv_disk._chs(sector).hex() == chs


@pytest.mark.skipif("UNILAB_OSV_LOADER" not in os.environ, reason="UNILAB_OSV_LOADER names no OSv loader")
@pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no qemu-system-x86_64")
def test_osv_runs_the_tree(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    source = '#include <stdio.h>\nint main(int n, char **a) { printf("hello %s\\n", a[n - 1]); }'
    compile_c(source, tmp_path / "service/hello", "-fPIE", "-pie")
    done = staged(tmp_path, {"/app/hello": "hello"})
    disk, command_line = tmp_path / "disk", "--rootfs=rofs --power-off-on-abort /app/hello world"
    loader = Path(os.environ["UNILAB_OSV_LOADER"])
    with osv_disk.raw_loader(loader) as (kind, raw):
        osv_disk.write_disk(kind, raw, walk(done.tree), command_line, disk)
    boot = ["-kernel", str(loader), "-append", command_line] if kind == "kernel" else []
    machine = ["-M", "pc", "-accel", "tcg", "-cpu", "qemu64", "-m", "256", "-nographic", "-nic", "none"]
    drive = ["-drive", f"file={disk},if=virtio,format=raw,readonly=on"]
    said = subprocess.run(
        ["qemu-system-x86_64", *machine, *drive, *boot, "-no-reboot"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )
    assert b"hello world" in said.stdout
