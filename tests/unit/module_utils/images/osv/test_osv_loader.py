from __future__ import annotations

import gzip
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import loaders
import pytest
from ansible.module_utils.unilab.images.osv.loader import loader_kind, packed_kernel_end, raw_loader

from contracts.errors import InputError

needs_qemu_img = pytest.mark.skipif(
    shutil.which("qemu-img") is None, reason="no qemu-img: install qemu-utils to test qcow2"
)


def _qcow2(folder: Path, *options: str) -> Path:
    raw, packed = loaders.image(folder / "raw"), folder / "loader.qcow2"
    subprocess.run(["qemu-img", "convert", *options, "-f", "raw", "-O", "qcow2", raw, packed], check=True)
    return packed


def test_loaders_are_told_apart_by_content(tmp_path: Path) -> None:
    assert loader_kind(loaders.kernel(tmp_path / "loader.img")) == "kernel"
    assert loader_kind(loaders.image(tmp_path / "kernel.elf")) == "disk"
    (tmp_path / "loader.raw").write_bytes(b"QFI\xfb\0\0\0\2".ljust(2048, b"\0"))
    assert loader_kind(tmp_path / "loader.raw") == "qcow2"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "neither an ELF kernel, a raw boot disk nor a qcow2 image"),
        (b"text", "neither an ELF kernel"),
        (gzip.compress(b"\x7fELF"), "packed by gzip.*Remedy: gunzip it first"),
        (b"\xfd7zXZ\0", "packed by xz.*Remedy: unpack it first"),
        (b"conectix".ljust(512, b"\0"), "a VHD.*qemu-img convert -O raw"),
        (bytes(510) + b"\x55\xaaxxHdrS", r"a Linux boot image \(bzImage\), not OSv's"),
        (bytes(510) + b"\x55\xaa", "a boot disk, but not OSv's: no 'VSO'"),
    ],
)
def test_files_of_another_kind_are_refused_by_name(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "osv-loader"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"osv-loader: key loader: .*{problem}"):
        loader_kind(path)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"machine": 183}, "an ELF file for another machine .183., not x86-64"),
        ({"owner": b"GNU\0"}, "an ELF file without a PVH entry"),
        ({"note_type": 1}, "an ELF file without a PVH entry"),
    ],
)
def test_elf_files_that_are_no_kernel_are_refused(
    tmp_path: Path, options: dict[str, object], problem: str
) -> None:
    with pytest.raises(InputError, match=f"kernel: key loader: {problem}"):
        loader_kind(loaders.kernel(tmp_path / "kernel", **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("left", [5, 20, 63, 64, 100, 120, 130, 143, 2000, 4095, 4159])
def test_a_truncated_kernel_is_refused(tmp_path: Path, left: int) -> None:
    path = loaders.kernel(tmp_path / "kernel")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=r"kernel: key loader: .*truncated"):
        loader_kind(path)


@pytest.mark.parametrize("left", [512, 65536, loaders.IMAGE_BYTES - 1])
def test_a_truncated_loader_image_is_refused(tmp_path: Path, left: int) -> None:
    path = loaders.image(tmp_path / "loader")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=f"truncated: {left} bytes of at least {loaders.IMAGE_BYTES}"):
        loader_kind(path)


@pytest.mark.parametrize(("at", "new"), [(16, bytes(2)), (65536, b"\0ELF")])
def test_a_loader_image_without_kernel_is_refused(tmp_path: Path, at: int, new: bytes) -> None:
    path = loaders.image(tmp_path / "loader")
    content = bytearray(path.read_bytes())
    content[at : at + len(new)] = new
    path.write_bytes(content)
    with pytest.raises(InputError, match="holds no packed kernel"):
        loader_kind(path)


def test_a_missing_loader_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-loader: key loader: cannot read it"):
        loader_kind(tmp_path / "no-loader")


def test_what_follows_the_packed_kernel_is_no_part_of_the_loader(tmp_path: Path) -> None:
    path = loaders.image(tmp_path / "disk")
    path.write_bytes(path.read_bytes() + b"a file system")
    assert packed_kernel_end(path) == loaders.IMAGE_BYTES


@needs_qemu_img
@pytest.mark.parametrize("options", [(), ("-c",)])
def test_a_qcow2_loader_is_converted_first(tmp_path: Path, options: tuple[str, ...]) -> None:
    with raw_loader(_qcow2(tmp_path, *options)) as (kind, raw):
        assert kind == "disk"
        assert raw.read_bytes() == (tmp_path / "raw").read_bytes()


@needs_qemu_img
@pytest.mark.parametrize("options", [(), ("-c",)])
def test_a_truncated_qcow2_loader_is_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    packed = _qcow2(tmp_path, *options)
    packed.write_bytes(packed.read_bytes()[:-70_000])
    with pytest.raises(InputError, match=r"loader\.qcow2: key loader: .*(truncated|cannot be read)"):
        raw_loader(packed).__enter__()


@needs_qemu_img
def test_a_qcow2_image_of_something_else_is_refused(tmp_path: Path) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "data.qcow2", "1M"], check=True)
    with pytest.raises(InputError, match=r"data\.qcow2: key loader: neither an ELF kernel"):
        raw_loader(tmp_path / "data.qcow2").__enter__()


def test_damage_anywhere_in_a_kernel_gives_one_message(tmp_path: Path) -> None:
    whole = loaders.kernel(tmp_path / "whole").read_bytes()
    damaged = tmp_path / "damaged"
    said = []
    for at in range(4, 144):
        damaged.write_bytes(whole[:at] + struct.pack("B", whole[at] ^ 0xFF) + whole[at + 1 :])
        said.append(_told(lambda: loader_kind(damaged)))
    assert all(text == "kernel" or (text.startswith(str(damaged)) and "\n" not in text) for text in said)
    assert sum(text != "kernel" for text in said) > 20


def _told(check: Callable[[], str]) -> str:
    try:
        return check()
    except InputError as error:
        return str(error)
