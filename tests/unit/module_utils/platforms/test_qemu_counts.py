"""What is counted of a QEMU guest: nothing under KVM, and only by the addresses that are wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible.module_utils.unilab.counting.plugin import Counting
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.qemu import Boot, Guest
from ansible.module_utils.unilab.platforms.qemu_counts import counted, counts_file, is_counted_as
from counts_files import counts_file as write_counts

COUNTING = Counting(Path("/plugin.so"), kernel=("1-2",))
BOOT = Boot(
    accelerator="tcg",
    vcpus=1,
    memory_mib=256,
    kernel=None,
    initrd=None,
    command_line="",
    disk=None,
    disk_writes="refused",
    bridge="br0",
    counting=COUNTING,
)


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest("instance", tmp_path)


@pytest.mark.parametrize("boot", [replace(BOOT, counting=None), replace(BOOT, accelerator="kvm")])
def test_a_guest_without_a_plugin_or_under_kvm_is_not_counted(guest: Guest, boot: Boot) -> None:
    assert counts_file(guest, boot) == "" and counted(guest, boot) == {}
    assert is_counted_as(guest, boot)
    write_counts(guest.counts, 1)
    assert not is_counted_as(guest, boot)


def test_counters_at_the_first_answer_are_read(guest: Guest) -> None:
    write_counts(guest.counts, 1)
    found = counted(guest, BOOT)
    assert counts_file(guest, BOOT) == str(guest.counts)
    assert found["first_answer_counts"] == ((50, 60),) and found["first_answer_ns"] > 10**18


def test_a_missing_file_of_a_counted_guest_is_an_error(guest: Guest) -> None:
    with pytest.raises(LabError, match="counts cannot be read"):
        counted(guest, BOOT)
    assert not is_counted_as(guest, BOOT)


@pytest.mark.parametrize(("kernel", "same"), [(("1-2",), True), (("1-3",), False), ((), False)])
def test_a_guest_is_counted_by_the_addresses_of_its_start(
    guest: Guest, kernel: tuple[str, ...], same: bool
) -> None:
    write_counts(guest.counts, 1)
    assert is_counted_as(guest, replace(BOOT, counting=Counting(Path("/plugin.so"), kernel=kernel))) is same


@pytest.mark.parametrize("options", [None, {"plugin": ""}])
def test_options_without_a_plugin_count_nothing(options: dict[str, str] | None) -> None:
    assert Counting.of(options) is None


def test_options_name_plugin_and_addresses() -> None:
    options = {"plugin": "/plugin.so", "kernel": ["1-2"], "idle": ["3-4"], "guest_kernel": ["5-6"]}
    expected = Counting(Path("/plugin.so"), kernel=("1-2",), idle=("3-4",), guest_kernel=("5-6",))
    assert Counting.of(options) == expected
