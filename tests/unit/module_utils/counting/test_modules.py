"""The modules of counting, run by Ansible on this machine: what they return, and how they fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible.module_utils.unilab.counting.plugin import QEMU
from counts_files import counts_file
from module_run import PROJECT, run

from contracts.work.series import read_series

SOURCE = PROJECT / "roles/qemu_host/files/work_counter.c"
needs_tools = pytest.mark.skipif(
    shutil.which(QEMU) is None or shutil.which("gcc") is None, reason=f"no {QEMU} or no gcc"
)


@needs_tools
def test_the_plugin_is_compiled_once_and_loads(tmp_path: Path) -> None:
    options = {"source": SOURCE.read_text(), "directory": str(tmp_path)}
    first, second = run("work_counter", **options), run("work_counter", **options)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["plugin"] == second["plugin"] and Path(first["plugin"]).is_file()
    assert first["api_version"] >= 1 and first["why"] == ""


@needs_tools
@pytest.mark.parametrize(
    ("source", "reason"), [("int main(", "gcc failed"), ("int nothing;", "qemu-system-x86_64 failed")]
)
def test_a_plugin_that_does_not_load_is_one_warning_and_no_failure(
    tmp_path: Path, source: str, reason: str
) -> None:
    result = run("work_counter", source=source, directory=str(tmp_path))
    assert result["_rc"] == 0 and result["plugin"] == ""
    assert result["why"].startswith("instructions are not counted: ") and reason in result["why"]
    assert "Remedy: " in result["why"]


def test_the_clock_of_this_machine_is_its_own() -> None:
    result = run("clock_offset")
    assert result["_rc"] == 0
    assert abs(result["offset_ns"]) <= result["error_ns"] < 10**10


def test_samples_become_a_table(tmp_path: Path) -> None:
    counts_file(tmp_path / "counts.bin", 5)
    table = tmp_path / "work.csv.gz"
    result = run("work_series", counts=str(tmp_path / "counts.bin"), path=str(table), from_ns=2 * 10**9)
    assert (result["samples"], result["mode"], result["ranges"]) == (3, "inline", ["kernel=1-2"])
    series = read_series(table)
    assert series.names == ("application", "kernel")
    assert series.times_ns == (2 * 10**9, 3 * 10**9, 4 * 10**9)
    assert series.counts[-1] == ((40, 80),)


def test_only_samples_that_are_still_in_the_ring_are_written(tmp_path: Path) -> None:
    counts_file(tmp_path / "counts.bin", 20)
    table = tmp_path / "work.csv.gz"
    run("work_series", counts=str(tmp_path / "counts.bin"), path=str(table))
    # The oldest slot may be overwritten at any moment.
    assert read_series(table).times_ns == tuple(number * 10**9 for number in range(13, 20))


def test_a_file_that_is_no_counts_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "counts.bin").write_bytes(b"x" * 8192)
    result = run("work_series", counts=str(tmp_path / "counts.bin"), path=str(tmp_path / "work.csv.gz"))
    assert result["_rc"] != 0 and "no counts file of the plugin" in result["msg"]
    assert not list(tmp_path.glob("work*"))
