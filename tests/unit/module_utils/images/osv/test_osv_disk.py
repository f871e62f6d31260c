from __future__ import annotations

import os
import random
import resource
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import loaders
import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.build_cache import make_once
from ansible.module_utils.unilab.images.osv import disk as osv_disk
from ansible.module_utils.unilab.images.osv.command_line import set_command_line
from ansible.module_utils.unilab.images.osv.disk import Disk, write_disk
from ansible.module_utils.unilab.images.osv.loader import raw_loader
from ansible.module_utils.unilab.images.tree import listing
from ansible.module_utils.unilab.images.vhd import checksum
from rofs_reader import RofsReader
from trees import compile_c, staged

from contracts.errors import InputError

needs_qemu_img = pytest.mark.skipif(
    shutil.which("qemu-img") is None, reason="no qemu-img: install qemu-utils to test VHD and qcow2"
)
QEMU_NAMES = {"raw": "raw", "vhd": "vpc", "qcow2": "qcow2"}
FORMATS = ["raw", pytest.param("vhd", marks=needs_qemu_img), pytest.param("qcow2", marks=needs_qemu_img)]


@pytest.fixture
def loader(tmp_path: Path) -> Path:
    """What stands for OSv's loader image."""
    return loaders.image(tmp_path / "loader.img")


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


def _raw(path: Path, disk_format: str) -> bytes:
    """A disk's content, read back by QEMU."""
    if disk_format == "raw":
        return path.read_bytes()
    raw = path.with_name(path.name + ".read-back")
    subprocess.run(["qemu-img", "convert", "-f", QEMU_NAMES[disk_format], "-O", "raw", path, raw], check=True)
    return raw.read_bytes()


def test_a_disk_for_a_kernel_holds_the_file_system_from_its_second_sector(tmp_path: Path) -> None:
    tree = staged(tmp_path).tree
    written = write_disk(Disk(tree, "kernel", tmp_path / "unused", "unused"), tmp_path / "disk")
    disk = (tmp_path / "disk").read_bytes()
    assert _partition(disk)[0] == 1
    assert len(disk) % 65536 == 0
    files = _file_system(disk).tree()
    assert files[b"app/server"] == (tree / "app/server").read_bytes()
    assert files[b"etc/mnttab"] == b"-> /proc/mounts"
    assert written.sha256 == sha256_of(tmp_path / "disk")
    assert written.facts == {"virtual_bytes": len(disk), "listing": listing(tree)}


def test_a_boot_disk_keeps_the_loader(tmp_path: Path, loader: Path) -> None:
    tree = staged(tmp_path).tree
    written = write_disk(Disk(tree, "disk", loader, "/app/server"), tmp_path / "disk")
    disk, original = (tmp_path / "disk").read_bytes(), loader.read_bytes()
    assert _partition(disk)[0] * 512 == 4 << 20
    assert disk[32768 : len(original)] == original[32768:]
    assert disk[: 0x1BE + 16] == original[: 0x1BE + 16]
    assert disk[0x1BE + 32 : 512] == original[0x1BE + 32 : 512]
    assert disk[512 : 512 + 63 * 512] == b"/app/server".ljust(63 * 512, b"\0")
    assert not any(disk[len(original) : 4 << 20])
    assert b"app/server" in _file_system(disk).tree()
    assert written.sha256 == sha256_of(tmp_path / "disk")


def test_a_whole_disk_of_osv_gives_its_loader_only(tmp_path: Path, loader: Path) -> None:
    tree = staged(tmp_path).tree
    write_disk(Disk(tree, "disk", loader), tmp_path / "disk")
    whole = tmp_path / "usr.img"
    content = bytearray(loader.read_bytes() + b"another file system" * 1000)
    content[0x1BE : 0x1BE + 64] = b"another table..." * 4
    whole.write_bytes(content)
    write_disk(Disk(tree, "disk", whole), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "disk").read_bytes()


@pytest.mark.parametrize("disk_format", FORMATS)
@pytest.mark.parametrize("kib", [64, 2048, 192])
def test_every_format_holds_the_same_disk(tmp_path: Path, loader: Path, disk_format: str, kib: int) -> None:
    tree = staged(tmp_path).tree
    raw = write_disk(Disk(tree, "disk", loader, "x", "raw", kib << 10), tmp_path / "raw")
    other = write_disk(Disk(tree, "disk", loader, "x", disk_format, kib << 10), tmp_path / "other")
    content = _raw(tmp_path / "other", disk_format)
    assert content == (tmp_path / "raw").read_bytes()
    assert len(content) % (kib << 10) == 0
    assert raw.facts == other.facts
    assert other.facts["virtual_bytes"] == len(content)
    names = {path.name for path in tmp_path.iterdir()}
    assert names <= {"service", "tree", "loader.img", "raw", "other", "other.read-back"}


@needs_qemu_img
def test_a_vhd_is_dynamic_and_whole(tmp_path: Path, loader: Path) -> None:
    path = tmp_path / "disk.vhd"
    written = write_disk(Disk(staged(tmp_path).tree, "disk", loader, "x", "vhd", 2 << 20), path)
    disk = path.read_bytes()
    footer, table = disk[-512:], struct.unpack_from(">Q", disk, 512 + 16)[0]
    assert disk[:512] == footer
    assert footer[:8] == b"conectix"
    assert disk[512:520] == b"cxsparse"
    assert struct.unpack_from(">I", footer, 60)[0] == 3  # dynamic
    assert struct.unpack_from(">I", footer, 24)[0] == 0  # time stamp
    assert struct.unpack_from(">Q", footer, 48)[0] == written.facts["virtual_bytes"]
    assert struct.unpack_from(">I", footer, 64)[0] == checksum(footer)
    bytes_but_the_checksum = footer[:64] + footer[68:]
    assert checksum(footer) == 0xFFFFFFFF - sum(bytes_but_the_checksum)
    (blocks,) = struct.unpack_from(">I", disk, 512 + 28)
    assert blocks * (2 << 20) >= written.facts["virtual_bytes"]
    assert table == 512 + 1024
    write_disk(Disk(tmp_path / "tree", "disk", loader, "y", "vhd", 2 << 20), tmp_path / "other.vhd")
    assert (tmp_path / "other.vhd").read_bytes()[68:84] != footer[68:84]  # the id


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


@pytest.mark.parametrize("disk_format", FORMATS)
def test_clock_umask_and_order_do_not_count(
    tmp_path: Path, loader: Path, disk_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"/app/{name}": "server" for name in ("c", "a", "b")}
    hashes, modes, listed = set(), set(), os.listdir
    for mask, later_s in ((0o022, 0), (0o077, 10_000_000), (0, -10_000_000)):
        folder = tmp_path / f"{mask:o}"
        folder.mkdir()

        def shuffled(path: str) -> list[str]:
            found = listed(path)
            random.shuffle(found)
            return found

        with _umask(mask), monkeypatch.context() as patch:
            patch.setattr(os, "listdir", shuffled)
            patch.setattr(time, "time", lambda later_s=later_s: 1e9 + later_s)
            tree = staged(folder, files).tree
            for path in tree.rglob("*"):
                if not path.is_symlink():
                    os.utime(path, (later_s + 2e7, later_s + 2e7))
            disk = Disk(tree, "disk", loader, "x", disk_format)
            made = make_once(
                folder / "disk", {}, lambda path, disk=disk: write_disk(disk, path), check_mode=False
            )
        hashes.add(made.sha256)
        modes.add((folder / "disk").stat().st_mode & 0o777)
    assert len(hashes) == 1
    assert modes == {0o644}


@pytest.mark.parametrize("disk_format", FORMATS)
def test_holes_do_not_count(tmp_path: Path, disk_format: str) -> None:
    hashes = set()
    for name in ("dense", "sparse"):
        source = tmp_path / name / "service/data"
        source.parent.mkdir(parents=True)
        source.write_bytes(b"a" + bytes(5_000_000) + b"b")
        tree = staged(tmp_path / name, {"/app/data": "data"}).tree
        if name == "sparse":
            with (tree / "app/data").open("wb") as stream:
                stream.write(b"a")
                stream.seek(5_000_001)
                stream.write(b"b")
        write_disk(Disk(tree, "kernel", tmp_path, "", disk_format), tmp_path / name / "disk")
        hashes.add(sha256_of(tmp_path / name / "disk"))
    assert len(hashes) == 1


@pytest.mark.parametrize("what", ["changed", "added", "removed", "mode"])
def test_a_tree_that_is_no_longer_what_was_staged_is_refused(tmp_path: Path, what: str) -> None:
    tree = staged(tmp_path).tree
    if what == "changed":
        (tree / "app/server").write_text("another")
    elif what == "added":
        (tree / "app/more").write_text("")
    elif what == "removed":
        (tree / "app/server").unlink()
    else:
        (tree / "app/server").chmod(0o644)
    with pytest.raises(InputError, match=r"tree: not what was staged.*run the role service_tree again"):
        write_disk(Disk(tree, "kernel", tmp_path), tmp_path / "disk")


@pytest.mark.parametrize("kib", [0, -64, 63, 100])
def test_an_alignment_is_a_multiple_of_64_kib(kib: int) -> None:
    with pytest.raises(InputError, match=f"key alignment_kib: {kib} is no multiple of 64"):
        osv_disk.alignment_bytes(kib, "raw")


def test_an_alignment_that_is_not_given_suits_the_format() -> None:
    assert [osv_disk.alignment_bytes(None, name) for name in ("raw", "vhd", "qcow2")] == [
        65536,
        2 << 20,
        65536,
    ]


@pytest.mark.parametrize("text", ["x" * 1024, "a\0b"])
def test_a_command_line_that_osv_would_cut_is_refused_at_once(
    tmp_path: Path, loader: Path, text: str
) -> None:
    with pytest.raises(LabError, match="OSv keeps 1023"):
        osv_disk.recipe(Disk(staged(tmp_path).tree, "disk", loader, text), "hash")
    assert osv_disk.recipe(Disk(tmp_path / "tree", "kernel", loader, text), "hash")


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("disk_format", FORMATS)
def test_a_full_disk_leaves_the_old_image(tmp_path: Path, loader: Path, disk_format: str) -> None:
    tree, path = staged(tmp_path).tree, tmp_path / "images/disk"
    path.parent.mkdir()
    path.write_text("old")
    disk = Disk(tree, "disk", loader, "x", disk_format)
    with _largest_file(1 << 20), pytest.raises(LabError):
        make_once(path, {}, lambda new: write_disk(disk, new), check_mode=False)
    assert path.read_text() == "old"
    assert [child.name for child in path.parent.iterdir()] == ["disk"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_a_full_file_system_is_named(tmp_path: Path, loader: Path) -> None:
    tree, small = staged(tmp_path).tree, tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        with pytest.raises(LabError, match=r"disk: cannot write it: No space left on device.*Remedy: "):
            disk = Disk(tree, "disk", loader)
            make_once(small / "disk", {}, lambda new: write_disk(disk, new), check_mode=False)
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize(
    ("sector", "chs"), [(0, "000100"), (62, "003f00"), (63, "010100"), (1 << 30, "feffff")]
)
def test_addresses_by_cylinder(sector: int, chs: str) -> None:
    assert osv_disk._chs(sector).hex() == chs


@pytest.mark.skipif("UNILAB_OSV_LOADER" not in os.environ, reason="UNILAB_OSV_LOADER names no OSv loader")
@pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="no qemu-system-x86_64")
@pytest.mark.parametrize("disk_format", FORMATS)
def test_osv_runs_the_tree(tmp_path: Path, disk_format: str) -> None:
    (tmp_path / "service").mkdir()
    source = '#include <stdio.h>\nint main(int n, char **a) { printf("hello %s\\n", a[n - 1]); }'
    compile_c(source, tmp_path / "service/hello", "-fPIE", "-pie")
    done = staged(tmp_path, {"/app/hello": "hello"})
    path, command_line = tmp_path / "disk", "--rootfs=rofs --power-off-on-abort /app/hello"
    loader = Path(os.environ["UNILAB_OSV_LOADER"])
    with raw_loader(loader) as (kind, raw):
        write_disk(Disk(done.tree, kind, raw, f"{command_line} nobody", disk_format), path)
    command_line += " world"
    boot = ["-kernel", str(loader), "-append", command_line]
    if kind == "disk":
        set_command_line(path, command_line)
        boot = []
    machine = ["-M", "pc", "-accel", "tcg", "-cpu", "qemu64", "-m", "256", "-nographic", "-nic", "none"]
    drive = ["-drive", f"file={path},if=virtio,format={QEMU_NAMES[disk_format]},readonly=on"]
    said = subprocess.run(
        ["qemu-system-x86_64", *machine, *drive, *boot, "-no-reboot"],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )
    assert b"hello world" in said.stdout
