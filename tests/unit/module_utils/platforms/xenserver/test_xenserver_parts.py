"""XenServer without a server: VCPUs_params, images, errors, boot sectors, namespaces."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.lab.namespaces import Worker
from ansible.module_utils.unilab.platforms.xenserver import boot_head, disk, vcpus
from ansible.module_utils.unilab.platforms.xenserver.errors import explain, undoing
from ansible.module_utils.unilab.platforms.xenserver.tls import Trust, read_fingerprints
from xenservers import boot_disk

MIB = 1 << 20


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((0, 256, "", 1), {"weight": "256", "cap": "0"}),
        ((50, 512, "0", 1), {"weight": "512", "cap": "50", "mask": "0"}),
        ((400, 1, "0,2-3", 4), {"weight": "1", "cap": "400", "mask": "0,2,3"}),
        ((100, 65535, " 3 , 1 ", 1), {"weight": "65535", "cap": "100", "mask": "1,3"}),
    ],
)
def test_vcpus_params(given: tuple[int, int, str, int], wanted: dict[str, str]) -> None:
    assert vcpus.params(*given) == wanted


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ((-1, 256, "", 1), "cap_percent"),
        ((101, 256, "", 1), "cap_percent"),
        ((50, 0, "", 1), "weight"),
        ((50, 65536, "", 1), "weight"),
        ((50, 256, "all", 1), "mask"),
        ((50, 256, "3-1", 1), "mask"),
        ((50, 256, "0;1", 1), "mask"),
    ],
)
def test_vcpus_params_that_xen_would_ignore_are_refused(given: tuple[int, int, str, int], key: str) -> None:
    with pytest.raises(LabError, match=rf"key {key}: .*Remedy: "):
        vcpus.params(*given)


def test_raw_image_is_padded_with_zeros(tmp_path: Path) -> None:
    path = tmp_path / "disk.raw"
    path.write_bytes(b"x" * (3 * MIB))
    image = disk.read_image(path)
    assert (image.format, image.virtual_bytes, image.length) == ("raw", 4 * MIB, 4 * MIB)
    with image.open() as stream:
        assert stream.read(3 * MIB) == b"x" * (3 * MIB)
        assert stream.read(MIB) == bytes(MIB)


def convert(path: Path, options: str) -> Path:
    vhd = path.with_suffix(".vhd")
    subprocess.run(
        ["qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", options, str(path), str(vhd)], check=True
    )
    return vhd


def test_dynamic_vhd_is_detected_from_its_content(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"x" * (3 * MIB))
    vhd = convert(path, "subformat=dynamic,force_size=on")
    image = disk.read_image(vhd)
    assert (image.format, image.virtual_bytes) == ("vhd", 4 * MIB)
    assert image.length == vhd.stat().st_size


def test_fixed_vhd_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"x" * (3 * MIB))
    with pytest.raises(LabError, match=r"dynamic VHDs only. Remedy: qemu-img convert"):
        disk.read_image(convert(path, "subformat=fixed,force_size=on"))


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "empty"), (b"QFI\xfb" + bytes(600), "qcow2"), (None, "cannot read it")]
)
def test_file_that_is_no_image_is_refused(content: bytes | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LabError, match=rf"key path: .*{problem}.*Remedy: "):
        disk.read_image(path)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        (["SR_FULL", "1", "0"], "answered SR_FULL (1, 0). Remedy: free space"),
        (
            ["SESSION_AUTHENTICATION_FAILED"],
            "AUTHENTICATION_FAILED. Remedy: check username and password",
        ),
        (["SOMETHING_NEW", "x"], "SOMETHING_NEW (x). Remedy: see /var/log/xensource.log"),
    ],
)
def test_errors_are_explained_with_a_remedy(details: list[str], message: str) -> None:
    assert message in str(explain("upload", details))


def test_undoing_reports_both_errors() -> None:
    def undo() -> None:
        raise OSError("the line is dead")

    both = r"too little\. Besides, the disk is left on the XenServer: .*line is dead"
    with pytest.raises(LabError, match=both), undoing("the disk", undo):
        raise LabError("too little.")


def test_undoing_keeps_the_first_error() -> None:
    done: list[str] = []
    with pytest.raises(KeyError), undoing("the disk", lambda: done.append("undone")):
        raise KeyError
    assert done == ["undone"]


@pytest.mark.parametrize("fingerprint", ["abc", "zz" * 32, "00:11"])
def test_invalid_fingerprint_is_refused(fingerprint: str) -> None:
    with pytest.raises(LabError, match=r"key fingerprint: .*Remedy: "):
        read_fingerprints(fingerprint)


A, B = "ab" * 32, "cd" * 32


@pytest.mark.parametrize(
    ("option", "fingerprints"),
    [
        ("", ()),
        ([], ()),
        (":".join(["AB"] * 32), (("", A),)),
        ([A.upper(), B], (("", A), ("", B))),
        (f"{A},{B}", (("", A), ("", B))),
        ({"10.0.0.1": A, "xen.example.org": B}, (("10.0.0.1", A), ("xen.example.org", B))),
    ],
)
def test_fingerprints_are_one_or_a_list_or_one_per_address(option: object, fingerprints: object) -> None:
    assert read_fingerprints(option) == fingerprints


@pytest.mark.parametrize("option", [7, {"10.0.0.1": "abc"}, [A, None], [[A]]])
def test_fingerprints_of_a_wrong_type_are_refused(option: object) -> None:
    with pytest.raises(LabError, match=r"key fingerprint: .*Remedy: "):
        read_fingerprints(option)


def test_fingerprint_of_an_address_counts_for_it_alone() -> None:
    trust = Trust(fingerprints=(("", A), ("xen.example.org", B)))
    assert trust.expected("XEN.example.org") == {B} and trust.expected("10.0.0.1") == {A}


def test_head_of_a_disk_changes_only_the_command_line(tmp_path: Path) -> None:
    path = boot_disk(tmp_path / "disk.raw")
    head = boot_head.head_of(path, "--env=A=b /app")
    whole = path.read_bytes()
    assert len(head) == boot_head.HEAD_BYTES
    assert head[512:].startswith(b"--env=A=b /app\0")
    start, end = 512, 512 * 64
    assert (head[:start], head[end:]) == (whole[:start], whole[end : len(head)])


def test_command_line_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="OSv keeps 1023"):
        boot_head.head_of(boot_disk(tmp_path / "disk.raw"), "x" * 1024)


def test_worker_refuses_missing_namespace() -> None:
    worker: Any = Worker("unilab-nowhere", lambda: 1)
    worker.start()
    with pytest.raises(LabError, match="no such network namespace"):
        worker.result()


def test_worker_runs_in_own_namespace() -> None:
    worker: Any = Worker(None, lambda: 1)
    worker.start()
    assert worker.result() == 1 and worker.done(0)
