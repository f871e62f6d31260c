"""Addresses of a kernel and its idle loop come from its ELF file."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from contracts.errors import InputError
from contracts.work.kernel_ranges import IDLE_SYMBOLS, LINUX_KERNEL_RANGE, kernel_ranges
from filter_plugins.counting.counting import counting_options, epoch_ns, osv_ranges

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
BASE = 0x40200000


def compile_kernel(folder: Path, name: str, source: str, base: int = BASE) -> Path:
    path = folder / name
    code = path.with_suffix(".c")
    code.write_text(source)
    options = [
        "-nostdlib",
        "-static",
        "-no-pie",
        "-O1",
        *(["-mcmodel=kernel", "-fno-pie"] if base > BASE else []),
    ]
    options += [f"-Wl,-Ttext-segment={base:#x}", "-Wl,-e,entry"]
    subprocess.run(["gcc", *options, "-o", path, code], check=True)
    return path


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    source = f"char area[70000]; void {IDLE_SYMBOLS[0]}(void) {{ for (;;) area[0]++; }} void entry(void) {{}}"
    return compile_kernel(tmp_path, "loader.elf", source)


def bounds(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low, 16), int(high, 16)


def test_the_kernel_is_its_loaded_segments_and_the_idle_loop_its_symbol(kernel: Path) -> None:
    found = kernel_ranges(kernel)
    low, high = bounds(found.kernel[0])[0], bounds(found.kernel[-1])[1]
    assert low == BASE
    assert high >= BASE + 70_000  # the area is not in the file, but loaded
    idle_low, idle_high = bounds(found.idle[0])
    assert low < idle_low < idle_high < high
    assert idle_high - idle_low < 64


def test_a_kernel_without_that_symbol_has_no_idle_loop(tmp_path: Path) -> None:
    assert kernel_ranges(compile_kernel(tmp_path, "kernel.elf", "void entry(void) {}")).idle == ()


def test_a_kernel_in_the_upper_half_owns_all_of_it(tmp_path: Path) -> None:
    path = compile_kernel(tmp_path, "vmlinux", "void entry(void) {}", 0xFFFFFFFF81000000)
    assert kernel_ranges(path).kernel == (LINUX_KERNEL_RANGE,)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "loader.img"
    path.write_bytes(b"boot sector")
    with pytest.raises(InputError, match=r"loader\.img.*no ELF file of a kernel"):
        kernel_ranges(path)


def test_a_loader_image_takes_the_ranges_of_the_elf_file_beside_it(kernel: Path) -> None:
    image = kernel.with_name("loader.img")
    image.write_bytes(b"boot sector")
    assert osv_ranges(str(image)) == osv_ranges(str(kernel))
    assert osv_ranges(str(kernel))["kernel"]


def test_a_loader_image_alone_has_no_ranges(tmp_path: Path) -> None:
    image = tmp_path / "loader.img"
    image.write_bytes(b"boot sector")
    assert osv_ranges(str(image)) == {"kernel": [], "idle": []}


def test_a_missing_loader_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match=r"absent\.elf"):
        osv_ranges(str(tmp_path / "absent.elf"))


@pytest.mark.parametrize(
    ("counter", "study", "plugin"),
    [
        ({"plugin": "/x.so"}, {}, "/x.so"),
        ({"plugin": "/x.so"}, {"without_counts": True}, ""),
        ({"plugin": ""}, {}, ""),
        ({}, {}, ""),
        (None, {}, ""),
    ],
)
def test_a_guest_is_counted_where_a_plugin_loads_and_the_study_asks_for_it(
    counter: dict[str, str] | None, study: dict[str, bool], plugin: str
) -> None:
    assert counting_options(counter, "linux", {}, study)["plugin"] == plugin


def test_ranges_follow_the_runtime() -> None:
    osv = {"counting": {"kernel": ["1-2"], "idle": ["1-1"]}}
    counter = {"plugin": "/x.so"}
    assert counting_options(counter, "linux", osv, {})["kernel"] == [LINUX_KERNEL_RANGE]
    assert counting_options(counter, "osv", osv, {}) == {
        "plugin": "/x.so",
        "kernel": ["1-2"],
        "idle": ["1-1"],
    }
    assert counting_options(counter, "prebuilt", {}, {})["kernel"] == []


def test_a_time_counts_from_the_epoch_in_any_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert epoch_ns("1970-01-01T00:00:01.500000+00:00") == 1_500_000_000
    finally:
        monkeypatch.undo()
        time.tzset()
    with pytest.raises(AnsibleFilterError, match="no time zone"):
        epoch_ns("1970-01-01T00:00:01")
