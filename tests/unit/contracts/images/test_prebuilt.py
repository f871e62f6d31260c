"""Unikernels that a study supplies: what is accepted, what is refused by name, and how one is booted."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.unilab.images.prebuilt import Found, place, prebuilt_images

from contracts.errors import InputError
from contracts.study import load_study
from contracts.work.kernel_ranges import LINUX_KERNEL_RANGE
from filter_plugins.arms.arms import arm_of
from filter_plugins.command_lines.command_line import prebuilt_command_line

STUDY = {
    "name": "small",
    "title": "A prebuilt unikernel",
    "seed": 3,
    "boots": 1,
    "services": ["todos-go"],
    "arms": ["mirage-qemu"],
    "caps": [{"memory_mib": 64}],
    "load": {"todos": {"users": 1, "requests": 1}},
}
BZIMAGE = bytes(0x202) + b"HdrS" + bytes(0x200)
# Version 2, no backing file, 1 MiB.
QCOW2 = struct.pack(">4sIQIIQI", b"QFI\xfb", 2, 0, 0, 16, 1 << 20, 0) + bytes(600)
VHD = bytes(1024) + b"conectix" + bytes(504)
VHD_WITH_PARENT = bytes(1024) + b"conectix" + bytes(52) + b"\0\0\0\4" + bytes(448)
RAW = bytes(510) + b"\x55\xaa"


def elf(machine: int = 62, note: bytes = b"", extra: bytes = b"", loaded: int = 0) -> bytes:
    """A 64-bit ELF of one note segment, or of one of 4 KiB that is loaded at address ``loaded``."""
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, len(note), len(note), 4)
    if loaded:
        segment = struct.pack("<IIQQQQQQ", 1, 5, 120, loaded, loaded, len(note), 4096, 4)
    return ident + head + segment + note + extra


def xen_note(kind: int) -> bytes:
    return struct.pack("<III4sI", 4, 4, kind, b"Xen\0", 0x100000)


PVH = elf(note=xen_note(18))
MULTIBOOT = elf(machine=3, note=xen_note(6), extra=bytes.fromhex("02b0ad1b"))


def study(folder: Path, image: dict[str, Any], files: dict[str, bytes], **changes: Any) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / "study.yml"
    path.write_text(yaml.safe_dump(STUDY | {"prebuilt": {"mirage": {"todos-go": image}}} | changes))
    return path


def found(folder: Path, image: dict[str, Any], files: dict[str, bytes]) -> Found:
    path = study(folder, image, files)
    (row,) = prebuilt_images(path, load_study(path))
    return row


@pytest.mark.parametrize(
    ("key", "content", "kind"),
    [
        ("kernel", BZIMAGE, "bzImage"),
        ("kernel", PVH, "pvh"),
        ("kernel", MULTIBOOT, "multiboot"),
        ("disk", QCOW2, "qcow2"),
        ("disk", VHD, "vpc"),
        ("disk", b"conectix" + bytes(1016), "vpc"),
        ("disk", RAW, "raw"),
    ],
)
def test_files_are_told_apart_by_content(tmp_path: Path, key: str, content: bytes, kind: str) -> None:
    row = found(tmp_path, {key: "image"}, {"image": content})
    assert (row.arm, row.service) == ("mirage-qemu", "todos-go")
    assert [(part.name, part.kind) for part in row.parts] == [(key, kind)]


@pytest.mark.parametrize(
    ("image", "files", "key", "problem"),
    [
        ({"disk": "none"}, {}, "mirage.todos-go.disk", "cannot read"),
        (
            {"disk": "d"},
            {"d": b"a text\n"},
            "mirage.todos-go.disk",
            "neither qcow2, a VHD without parent nor",
        ),
        (
            {"disk": "d"},
            {"d": VHD_WITH_PARENT},
            "mirage.todos-go.disk",
            "neither qcow2, a VHD without parent",
        ),
        ({"disk": "d"}, {"d": b"QFI\xfb" + bytes(600)}, "mirage.todos-go.disk", "unknown version 0"),
        ({"disk": "d"}, {"d": QCOW2[:8] + b"\1" + QCOW2[9:]}, "mirage.todos-go.disk", "a backing file"),
        (
            {"disk": "d"},
            {"d": b""},
            "mirage.todos-go.disk",
            "neither qcow2, a VHD without parent nor",
        ),
        ({"kernel": "k"}, {"k": RAW}, "mirage.todos-go.kernel", "neither a PVH or multiboot ELF"),
        ({"kernel": "k"}, {"k": elf(note=xen_note(6))}, "mirage.todos-go.kernel", "neither a PVH"),
        ({"kernel": "k"}, {"k": elf(machine=183, note=xen_note(18))}, "mirage.todos-go.kernel", "for x86"),
        ({"kernel": "k"}, {"k": PVH[:100]}, "mirage.todos-go.kernel", "neither a PVH"),
        ({"kernel": "k", "initrd": "i"}, {"k": PVH, "i": b""}, "mirage.todos-go.initrd", "is empty"),
    ],
)
def test_a_file_that_cannot_be_booted_is_refused_by_its_key(
    tmp_path: Path, image: dict[str, Any], files: dict[str, bytes], key: str, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        found(tmp_path, image, files)
    assert caught.value.key == f"prebuilt.{key}" and problem in caught.value.problem


@pytest.mark.parametrize(
    ("image", "changes", "problem"),
    [
        ({}, {}, "give a kernel or a disk"),
        ({"disk": "d", "initrd": "i"}, {}, "initrd goes to a kernel"),
        ({"disk": "d", "command_line": "x"}, {}, "command_line goes to a kernel"),
        (
            {"kernel": "k", "command_line": "ip={adress}"},
            {},
            "unknown placeholder '{adress}'",
        ),
        ({"kernel": "k", "identity": "nonce"}, {}, "needs {nonce} in command_line"),
        ({"disk": "d", "prot": 80}, {}, "unknown key"),
        ({"disk": "d"}, {"arms": ["nanos-qemu"]}, "unknown arm 'nanos-qemu'"),
        (
            {"disk": "d"},
            {"services": ["todos-go", "todos-java"]},
            "has no image of 'todos-java'",
        ),
    ],
)
def test_a_mistake_in_a_study_is_told_before_any_file_is_read(
    tmp_path: Path, image: dict[str, Any], changes: dict[str, Any], problem: str
) -> None:
    path = study(tmp_path, image, {}, **changes)
    with pytest.raises(InputError) as caught:
        load_study(path)
    assert problem in str(caught.value) and "Remedy: " in str(caught.value)


@pytest.mark.parametrize("name", ["osv", "linux", "Mirage", "a-b"])
def test_a_unikernel_takes_no_arm_of_ours(tmp_path: Path, name: str) -> None:
    path = study(tmp_path, {}, {}, prebuilt={name: {"todos-go": {"disk": "d"}}}, arms=["docker"])
    with pytest.raises(InputError, match="cannot name an arm"):
        load_study(path)


def test_a_cell_that_is_excluded_needs_no_image(tmp_path: Path) -> None:
    exclude = [{"arm": "mirage-qemu", "service": "todos-java"}]
    services = ["todos-go", "todos-java"]
    files = {"d": RAW}
    path = study(tmp_path, {"disk": "d"}, files, services=services, exclude=exclude)
    assert [row.service for row in prebuilt_images(path, load_study(path))] == ["todos-go"]


def test_a_unikernel_may_be_the_control(tmp_path: Path) -> None:
    path = study(tmp_path, {"disk": "d"}, {"d": RAW}, arms=["docker", "mirage-qemu"], control="mirage-qemu")
    arms = [cell.arm for cell in load_study(path).cells()]
    assert arms == ["docker", "mirage-qemu", "mirage-qemu-again"]
    assert (
        arm_of(arms[2])
        == arm_of(arms[1])
        == {
            "name": "mirage-qemu",
            "runtime": "prebuilt",
            "platform": "qemu",
            "host_group": "qemu_hosts",
        }
    )


def test_a_study_without_prebuilt_keeps_the_hash_that_its_campaigns_have(tmp_path: Path) -> None:
    plain = STUDY | {"arms": ["docker"]}
    (tmp_path / "study.yml").write_text(yaml.safe_dump(plain))
    without = load_study(tmp_path / "study.yml").sha256
    (tmp_path / "study.yml").write_text(yaml.safe_dump(plain | {"prebuilt": {}}))
    assert load_study(tmp_path / "study.yml").sha256 == without
    changed = load_study(study(tmp_path, {"disk": "d"}, {}, arms=["docker"])).sha256
    assert changed != without
    # As version 0.2.0 computed it, before the key kernel_elf.
    assert changed == "35c091d3ad15fe63babcf65bdd3018e168095e499bd77ce3d2061f189ad8aff8"
    with_elf = study(tmp_path, {"disk": "d", "kernel_elf": "e"}, {}, arms=["docker"])
    assert load_study(with_elf).sha256 != changed


def test_what_is_booted_depends_on_every_file(tmp_path: Path) -> None:
    image = {"kernel": "k", "initrd": "i", "disk": "d", "command_line": "-- {nonce}", "identity": "nonce"}
    files = {"k": PVH, "i": b"initrd", "d": QCOW2}
    placed = place(found(tmp_path, image, files), Path("/images"), {"todos-go": "a" * 64})
    assert [Path(source).name for source, _ in placed.files] == ["k", "i", "d"]
    assert [dest for _, dest in placed.files] == [placed.facts[key] for key in ("kernel", "initrd", "path")]
    assert all(dest.startswith("/images/mirage-qemu-todos-go-") for _, dest in placed.files)
    assert (placed.facts["boot"], placed.facts["disk_format"]) == ("kernel", "qcow2")
    assert placed.facts["artifact_sha256"] == "a" * 64
    assert placed.facts["bytes"] == sum(map(len, files.values()))
    for name, content in files.items():
        other = place(found(tmp_path, image, files | {name: content + bytes(8)}), Path("/images"), {})
        assert other.facts["sha256"] != placed.facts["sha256"]


def test_an_image_that_tells_no_identity_is_its_own_artifact(tmp_path: Path) -> None:
    image = {"disk": "d", "port": 80, "address": "10.0.0.7", "machine": "pc"}
    facts = place(found(tmp_path, image, {"d": RAW}), Path("/images"), {"todos-go": "a" * 64}).facts
    assert facts["artifact_sha256"] == facts["sha256"] and facts["boot"] == "disk" and facts["kernel"] == ""
    assert (facts["port"], facts["address"], facts["machine"]) == (80, "10.0.0.7", "pc")
    assert facts["identity"] == "answers"


def test_a_command_line_is_filled_and_other_braces_stay() -> None:
    text = '{"net":{"addr":"{address}","mask":"{prefix_length}"}} netmask={netmask} gw={gateway} N={nonce}'
    line = prebuilt_command_line(text, {"nonce": "abc", "threads": 4}, "10.0.0.9/25", "10.0.0.1")
    assert line == ('{"net":{"addr":"10.0.0.9","mask":"25"}} netmask=255.255.255.128 gw=10.0.0.1 N=abc')


def test_kernels_are_counted_apart_by_their_file(tmp_path: Path) -> None:
    """A Linux kernel owns the upper half; of a kernel that is on a disk only the total is counted."""

    def counting(name: str, image: dict[str, str], files: dict[str, bytes]) -> dict[str, list[str]]:
        (tmp_path / name).mkdir()
        facts = place(found(tmp_path / name, image, files), Path("/images"), {}).facts
        ranges: dict[str, list[str]] = facts["counting"]
        return ranges

    linux = counting("linux", {"kernel": "k"}, {"k": BZIMAGE})
    assert linux["kernel"] == [LINUX_KERNEL_RANGE]
    assert counting("disk", {"disk": "d"}, {"d": RAW}) == {"kernel": [], "idle": []}
    unikernel = elf(machine=3, extra=bytes.fromhex("02b0ad1b"), loaded=0x100000)
    assert counting("elf", {"kernel": "k"}, {"k": unikernel}) == {"kernel": ["100000-100fff"], "idle": []}
    # The ELF file beside a disk or a packed kernel is read, and neither booted nor copied.
    files = {"d": RAW, "k": BZIMAGE, "elf": unikernel}
    for name, image in (("disk-elf", {"disk": "d"}), ("packed-elf", {"kernel": "k"})):
        assert counting(name, image | {"kernel_elf": "elf"}, files) == {
            "kernel": ["100000-100fff"],
            "idle": [],
        }
    row = found(tmp_path / "disk-elf", {"disk": "d", "kernel_elf": "elf"}, files)
    placed = place(row, Path("/images"), {})
    assert [Path(source).name for source, _ in placed.files] == ["d"]
    plain = place(found(tmp_path / "disk", {"disk": "d"}, {"d": RAW}), Path("/images"), {})
    assert placed.facts["sha256"] == plain.facts["sha256"]


@pytest.mark.parametrize(("content", "problem"), [(None, "No such file"), (RAW, "no ELF file of a kernel")])
def test_a_kernel_elf_that_is_none_is_refused_by_its_key(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    files = {"d": RAW} | ({} if content is None else {"elf": content})
    with pytest.raises(InputError, match=problem) as caught:
        found(tmp_path, {"disk": "d", "kernel_elf": "elf"}, files)
    assert caught.value.key == "prebuilt.mirage.todos-go.kernel_elf"
    assert caught.value.file == str(tmp_path / "study.yml")
