"""The plugin counts, instruction by instruction, what a machine executes whose only program is known."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from ansible.module_utils.unilab.counting.mapped_file import Header, MappedFile, Sample
from ansible.module_utils.unilab.counting.plugin import QEMU, Counting, compile_plugin, installed_path, probe
from ansible.module_utils.unilab.errors import LabError

SOURCE = (Path(__file__).resolve().parents[4] / "roles/qemu_host/files/work_counter.c").read_bytes()
OUTS, NOPS = 1000, 500
# Real mode, at the start of a ROM of 64 KiB that is mapped below 4 GiB (Intel SDM, volume 3, 9.1.4).
PROGRAM = (
    b"\xb9" + struct.pack("<H", OUTS) + b"\xe6\x80\xe2\xfc"  # mov cx, OUTS; out 0x80, al; loop
    b"\xb9" + struct.pack("<H", NOPS) + b"\x90\xe2\xfd"  # mov cx, NOPS; nop; loop
    b"\x0f\x20\xd8\x0f\x22\xd8"  # mov eax, cr3; mov cr3, eax
    b"\x0f\x01\x3e\x00\x00"  # invlpg [0]
    b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp to hlt
)
EXECUTED = 1 + 2 * OUTS + 1 + 2 * NOPS + 2 + 1 + 2
ROM_RANGE, IDLE_RANGE = "ffff0000-ffffffef", "ffff0007-ffff000c"

pytestmark = [
    pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"no {QEMU}"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc"),
]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = installed_path(SOURCE, tmp_path_factory.mktemp("plugin"))
    compile_plugin(SOURCE, path)
    return path


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    reset = b"\xe9" + struct.pack("<H", 0x10000 - 0xFFF3)  # jmp to the start of the ROM
    content = PROGRAM.ljust(0xFFF0, b"\x90") + reset.ljust(16, b"\x90")
    path = tmp_path / "rom.bin"
    path.write_bytes(content)
    return path


@contextmanager
def machine(rom: Path, counting: Counting, vcpus: int = 1) -> Iterator[Path]:
    """Run the ROM; the counts file is yielded once the processor has halted."""
    counts = rom.with_name("counts.bin")
    counts.unlink(missing_ok=True)
    command = [QEMU, "-accel", "tcg", "-m", "16", "-nodefaults", "-display", "none", "-bios", str(rom)]
    command += ["-smp", str(vcpus), "-plugin", counting.argument(counts)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            _wait_halted(counts)
            yield counts
        finally:
            process.kill()


def _wait_halted(counts: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if counts.is_file() and counts.stat().st_size:
            try:
                with MappedFile(counts) as mapped:
                    if _first(mapped)["halts"] and mapped.header.written > 2:
                        return
            except LabError:
                pass  # the header is not yet written
        time.sleep(0.05)
    raise AssertionError("the machine did not halt")


def _first(mapped: MappedFile) -> dict[str, int]:
    return dict(zip(mapped.header.names, mapped.counts()[0], strict=True))


def read(counts: Path) -> tuple[Header, dict[str, int], list[Sample]]:
    with MappedFile(counts) as mapped:
        return mapped.header, _first(mapped), list(mapped.samples())


@pytest.mark.parametrize("vcpus", [1, 2, 4])
def test_every_instruction_is_counted_and_split_by_address(plugin: Path, rom: Path, vcpus: int) -> None:
    with machine(rom, Counting(plugin, (ROM_RANGE,), (IDLE_RANGE,)), vcpus) as counts:
        header, found, _ = read(counts)
    nops = 1 + 2 * NOPS
    assert header.vcpus == vcpus
    assert found["application"] == 1  # the jump at the reset vector
    assert found["idle"] + found["kernel"] == EXECUTED
    # A block of code belongs to the address of its first instruction.
    assert found["idle"] == pytest.approx(nops, abs=3)
    assert found["unclassified"] == 0


def test_privileged_instructions_are_counted_by_kind(plugin: Path, rom: Path) -> None:
    with machine(rom, Counting(plugin)) as counts:
        _, found, _ = read(counts)
    assert found["unclassified"] == EXECUTED + 1
    assert found["application"] == found["kernel"] == 0
    assert found["port_io"] == OUTS
    assert found["address_space_switches"] == found["tlb_invalidations"] == found["halts"] == 1
    for name in ("system_calls", "system_returns", "interrupt_returns", "msr_writes", "nested_entries"):
        assert found[name] == 0, name


def test_one_vcpu_is_counted_inline_and_several_never_share_an_address(plugin: Path, rom: Path) -> None:
    with machine(rom, Counting(plugin)) as counts:
        one = read(counts)[0]
    with machine(rom, Counting(plugin), vcpus=2) as counts:
        two = read(counts)[0]
    modern = one.api_version >= 3
    assert one.mode == ("inline per vCPU" if modern else "inline")
    assert two.mode == ("inline per vCPU" if modern else "callbacks")


def test_samples_rise_and_carry_both_clocks(plugin: Path, rom: Path) -> None:
    before_ns = time.time_ns()
    with machine(rom, Counting(plugin)) as counts:
        _, found, samples = read(counts)
    times_ns = [sample.realtime_ns for sample in samples]
    assert before_ns <= times_ns[0] and times_ns[-1] <= time.time_ns()
    assert times_ns == sorted(times_ns)
    assert list(found.values()) == list(samples[-1].counts[0])
    assert all(later.monotonic_ns > earlier.monotonic_ns for earlier, later in pairwise(samples))


def test_probe_loads_it_into_qemu(plugin: Path) -> None:
    assert probe(plugin) >= 1


def test_probe_reports_a_file_that_is_no_plugin(tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no shared object")
    with pytest.raises(LabError, match=r"failed: .*broken\.so.*Remedy: "):
        probe(broken)


@pytest.mark.parametrize(
    "options",
    ["kernel=zz-1", "kernel=2-1", "kernel=5", "interval_ms=0", "samples=1", "colour=red"],
)
def test_a_wrong_option_ends_qemu_with_its_name(plugin: Path, tmp_path: Path, options: str) -> None:
    argument = Counting(plugin).argument(tmp_path / "counts.bin")
    command = [QEMU, "-accel", "tcg", "-nodefaults", "-display", "none", "-S"]
    done = subprocess.run(
        [*command, "-plugin", f"{argument},{options}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert options.partition("=")[0] in done.stderr


def test_source_that_does_not_compile_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"gcc failed: .*Remedy: "):
        compile_plugin(b"int main(", tmp_path / "plugin.so")
    assert list(tmp_path.iterdir()) == []
