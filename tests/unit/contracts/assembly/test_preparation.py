"""Stamps of prepared hosts: written and read by the shell commands that hosts run; when they are trusted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contracts.assembly.preparation import (
    Reading,
    read_preparation,
    reading_script,
    removal_script,
    role_inputs,
    stamp_script,
    why_untrusted,
)

FACTS = {
    "accelerator": {"name": "kvm", "why": 'it\'s a "kernel" that\n$(booted) 100 % \\0'},
    "list": [1, None, True],
}


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The folder of the stamps, where other programs may have left a file."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "foreign.json").write_text("no stamp")
    return folder


def shell(script: str) -> str:
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert done.stderr == ""
    return done.stdout


def read(folder: Path) -> Reading:
    # A terminal ends lines with CR LF.
    return read_preparation(shell(reading_script(str(folder))).replace("\n", "\r\n"))


def write(folder: Path, *files: Path, inputs: str = "a1", name: str = "qemu_host") -> None:
    shell(stamp_script(name, inputs, FACTS, map(str, files), str(folder)))


def test_host_without_stamps_is_described(tmp_path: Path) -> None:
    found = read(tmp_path / "none")
    assert found.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (found.stamps, found.changed) == ({}, [])
    assert why_untrusted(found, "qemu_host", "a1") == "this host has no stamp of it"


def test_written_stamp_is_trusted_with_its_facts(host: Path) -> None:
    write(host)
    found = read(host)
    assert why_untrusted(found, "qemu_host", "a1", of_boot=True) == ""
    assert found.stamps["qemu_host"].facts == FACTS
    assert set(found.stamps) == {"qemu_host"}


def test_changed_inputs_void_a_stamp(host: Path) -> None:
    write(host)
    assert why_untrusted(read(host), "qemu_host", "b2") == "its inputs changed"
    write(host, inputs="b2")
    assert why_untrusted(read(host), "qemu_host", "b2") == ""


def test_stamp_of_another_machine_is_void(host: Path) -> None:
    write(host)
    other = read(host).model_copy(update={"machine": "other"})
    assert why_untrusted(other, "qemu_host", "a1") == "its stamp is of another machine"
    nameless = read(host).model_copy(update={"machine": ""})
    assert why_untrusted(nameless, "qemu_host", "a1") == "its stamp is of another machine"


def test_stamp_of_a_boot_is_void_after_the_next(host: Path) -> None:
    write(host)
    booted = read(host).model_copy(update={"boot": "next"})
    assert why_untrusted(booted, "qemu_host", "a1", of_boot=True) == "the host was booted since"
    assert why_untrusted(booted, "qemu_host", "a1") == ""


@pytest.mark.parametrize("change", ["content", "time", "removal"])
def test_file_that_changed_voids_the_stamp(host: Path, tmp_path: Path, change: str) -> None:
    tool, other = tmp_path / "qemu 7", tmp_path / "absent"
    tool.write_text("one")
    write(host, tool, other)
    write(host, name="load_client")
    assert why_untrusted(read(host), "qemu_host", "a1") == ""
    if change == "content":
        tool.write_text("another size")
    elif change == "time":
        os.utime(tool, (1, 1))
    else:
        tool.unlink()
    assert why_untrusted(read(host), "qemu_host", "a1") == "a file of this host changed since"
    assert why_untrusted(read(host), "load_client", "a1") == ""


def test_files_are_named_by_patterns_too(host: Path, tmp_path: Path) -> None:
    for name in ("vmlinuz-1", "vmlinuz-2"):
        (tmp_path / name).write_text(name)
    write(host, tmp_path / "vmlinuz-*")
    assert (host / "qemu_host.files").read_text().split() == [f"{tmp_path}/vmlinuz-{n}" for n in (1, 2)]
    (tmp_path / "vmlinuz-2").write_text("longer than before")
    assert read(host).changed == ["qemu_host"]


def test_removed_stamp_is_none(host: Path) -> None:
    write(host)
    shell(removal_script("qemu_host", str(host)))
    shell(removal_script("qemu_host", str(host)))
    assert why_untrusted(read(host), "qemu_host", "a1") == "this host has no stamp of it"


def test_list_of_files_without_a_stamp_is_none(host: Path) -> None:
    """As a host is that lost power between the writing of the list and the stamp."""
    write(host)
    (host / "qemu_host.json").rename(host / ".qemu_host.partial")
    assert read(host).stamps == {}


def project(tmp_path: Path) -> Path:
    for path, text in {
        "roles/r/tasks/main.yml": "- ping:",
        "roles/r/meta/argument_specs.yml": "argument_specs: {main: {options: {r_state: {}, r_lock: {}}}}",
        "roles/other/tasks/main.yml": "- ping:",
        "library/m.py": "pass",
        "library/__pycache__/m.pyc": "1",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("roles/r/tasks/main.yml", True),
        ("roles/r/files/new.sh", True),
        ("library/m.py", True),
        ("roles/other/tasks/main.yml", False),
        ("library/__pycache__/m.pyc", False),
    ],
)
def test_inputs_are_the_roles_files_and_the_code_that_roles_share(
    tmp_path: Path, path: str, counts: bool
) -> None:
    before = role_inputs(project(tmp_path), "r", {})
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("changed")
    assert (role_inputs(tmp_path, "r", {}) != before) == counts


def test_inputs_are_the_roles_options_and_no_other_variable(tmp_path: Path) -> None:
    folder = project(tmp_path)

    def inputs(more: Any = None, **variables: object) -> str:
        return role_inputs(folder, "r", variables, more)

    assert inputs() == inputs(r_registered={"delta": "0:00:01"}, other="x")
    assert len({inputs(), inputs(r_state="absent"), inputs(r_state="present"), inputs(["tree"])}) == 4


def test_content_of_a_named_file_counts(tmp_path: Path) -> None:
    folder, lock = project(tmp_path), tmp_path / "lock"
    lock.write_text("one")
    before = [role_inputs(folder, "r", {"r_lock": str(lock)}), role_inputs(folder, "r", {}, [str(lock)])]
    lock.write_text("two")
    after = [role_inputs(folder, "r", {"r_lock": str(lock)}), role_inputs(folder, "r", {}, [str(lock)])]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_folder_counts_with_its_content_only_where_it_is_an_input(tmp_path: Path) -> None:
    folder, load = project(tmp_path), tmp_path / "load"
    load.mkdir()
    options, more = role_inputs(folder, "r", {"r_lock": str(load)}), role_inputs(folder, "r", {}, str(load))
    (load / "new.py").write_text("")
    assert role_inputs(folder, "r", {"r_lock": str(load)}) == options
    assert role_inputs(folder, "r", {}, str(load)) != more
