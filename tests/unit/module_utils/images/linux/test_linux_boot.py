from __future__ import annotations

import lzma
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.linux import boot_disk as linux_boot_disk
from ansible.module_utils.unilab.images.linux.boot import make_boot_files
from ansible.module_utils.unilab.images.linux.boot_disk import write_boot_disk
from ansible.module_utils.unilab.images.linux.initramfs import cpio, module_order
from ansible.module_utils.unilab.images.linux.kernel import newest_release, unpack_kernel
from ansible.module_utils.unilab.images.linux.packages import boot_parts
from ansible.module_utils.unilab.platforms.xenserver.boot_head import HEAD_BYTES, head_of

RELEASE = "6.1.0-9-cloud-amd64"
KERNEL = b"\x7fELF" + b"kernel" * 1000


def _bzimage(payload: bytes) -> bytes:
    """A bzImage as the boot protocol describes it: one setup sector more, then the payload at 64."""
    head = bytearray(1024)
    head[0x1F1] = 1
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", head, 0x248, 64, len(payload))
    return bytes(head) + bytes(64) + payload + b"tail"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder that looks as if the packages of a kernel and busybox were unpacked to it."""
    boot, modules = tmp_path / "boot", tmp_path / "lib/modules"
    own = modules / RELEASE
    (own / "kernel").mkdir(parents=True)
    boot.mkdir()
    payload = lzma.compress(KERNEL, check=lzma.CHECK_CRC32) + struct.pack("<I", len(KERNEL))
    (boot / f"vmlinuz-{RELEASE}").write_bytes(_bzimage(payload))
    needs = {
        "kernel/virtio_blk.ko": "kernel/virtio.ko kernel/virtio_ring.ko",
        "kernel/virtio_net.ko": "kernel/virtio.ko kernel/virtio_ring.ko",
        "kernel/virtio-pci.ko.xz": "kernel/virtio.ko kernel/virtio_ring.ko",
        "kernel/virtio.ko": "kernel/virtio_ring.ko",
        "kernel/xen-blkfront.ko": "",
        "kernel/xen-netfront.ko": "",
        "kernel/virtio_ring.ko": "",
        "kernel/unused.ko": "",
    }
    (own / "modules.dep").write_text("".join(f"{path}: {rest}\n" for path, rest in needs.items()))
    (own / "modules.builtin").write_text("kernel/fs/squashfs/squashfs.ko\n")
    for path in needs:
        content = b"module " + path.encode()
        (own / path).write_bytes(lzma.compress(content) if path.endswith(".xz") else content)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/busybox").write_text("busybox")
    return tmp_path


def _members(archive: bytes) -> dict[str, tuple[int, bytes]]:
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name = archive[at + 110 : at + 110 + fields[11] - 1].decode()
        if name == "TRAILER!!!":
            return found
        at = -(-(at + 110 + fields[11]) // 4) * 4
        found[name] = (fields[1], archive[at : at + fields[6]])
        at = -(-(at + fields[6]) // 4) * 4


def test_modules_come_after_what_they_need_and_built_in_ones_not_at_all(packages: Path) -> None:
    order = module_order(packages / "lib/modules" / RELEASE, ["virtio_pci", "virtio_net", "squashfs"])
    assert order == [
        "kernel/virtio_ring.ko",
        "kernel/virtio.ko",
        "kernel/virtio-pci.ko.xz",
        "kernel/virtio_net.ko",
    ]


def test_a_missing_module_is_named(packages: Path) -> None:
    with pytest.raises(LabError, match="no module ext9"):
        module_order(packages / "lib/modules" / RELEASE, ["ext9"])


@pytest.mark.skipif(shutil.which("xz") is None, reason="no xz: install xz-utils to test with packed kernels")
def test_boot_files_are_made_once(packages: Path, tmp_path: Path) -> None:
    made = make_boot_files(tmp_path / "out", "", False, packages)
    assert made.release == RELEASE
    assert made.kernel.path.read_bytes() == KERNEL
    members = _members(made.initrd.path.read_bytes())
    assert members["bin/busybox"] == (0o100755, b"busybox")
    assert members["modules/virtio-pci.ko"] == (0o100644, b"module kernel/virtio-pci.ko.xz")
    assert "modules/unused.ko" not in members
    mode, init = members["init"]
    assert mode == 0o100755
    assert b"for module in virtio_ring.ko virtio.ko virtio-pci.ko virtio_blk.ko virtio_net.ko;" in init
    again = make_boot_files(tmp_path / "out", RELEASE, False, packages)
    assert not again.kernel.changed
    assert not again.initrd.changed
    (packages / "bin/busybox").write_text("newer busybox")
    third = make_boot_files(tmp_path / "out", "", True, packages)
    assert (third.kernel.changed, third.initrd.changed) == (False, True)


def test_the_init_script_is_a_shell_script(packages: Path, tmp_path: Path) -> None:
    made = make_boot_files(tmp_path / "out", "", False, packages)
    (tmp_path / "init").write_bytes(_members(made.initrd.path.read_bytes())["init"][1])
    assert subprocess.run(["sh", "-n", tmp_path / "init"], check=False).returncode == 0


@pytest.mark.parametrize(
    "missing", ["bin/busybox", f"boot/vmlinuz-{RELEASE}", f"lib/modules/{RELEASE}/modules.dep"]
)
def test_what_is_missing_is_named_with_its_package(packages: Path, tmp_path: Path, missing: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(LabError, match=f"{missing}: missing. Remedy: install"):
        make_boot_files(tmp_path / "out", RELEASE, False, packages)


def test_the_newest_kernel_is_chosen_by_number(packages: Path) -> None:
    newer = "6.1.0-10-cloud-amd64"
    boot, modules = packages / "boot", packages / "lib/modules"
    (boot / f"vmlinuz-{newer}").touch()
    assert newest_release(boot, modules) == RELEASE
    (modules / newer).mkdir()
    (modules / newer / "modules.dep").touch()
    assert newest_release(boot, modules) == newer


def test_no_kernel_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no kernel with modules"):
        newest_release(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (bytes(2048), "not an x86 bzImage"),
        (_bzimage(b"not packed, not ELF"), "payload is no ELF kernel"),
        (_bzimage(b"\xfd7zXZ\x00 damaged"), "xz cannot unpack it"),
    ],
)
def test_other_kernels_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "vmlinuz").write_bytes(content)
    with pytest.raises(LabError, match=problem):
        unpack_kernel(tmp_path / "vmlinuz")


def test_a_missing_unpacker_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "vmlinuz").write_bytes(_bzimage(b"\x02\x21\x4c\x18" + bytes(100)))
    with pytest.raises(LabError, match=r"packed by lz4, which is missing\. Remedy: install lz4"):
        unpack_kernel(tmp_path / "vmlinuz")


def test_an_archive_pads_names_and_contents() -> None:
    archive = cpio([("a", 0o100644, b"12345"), ("bc", 0o040755, b"")])
    assert len(archive) % 512 == 0
    assert _members(archive) == {"a": (0o100644, b"12345"), "bc": (0o040755, b"")}


needs_syslinux = pytest.mark.skipif(
    shutil.which("syslinux") is None or shutil.which("mcopy") is None,
    reason="no syslinux and mtools: `make setup` installs them",
)


def _in_fat(disk: Path, name: str) -> bytes:
    """A file of a boot disk's first partition."""
    command = ["mcopy", "-n", "-i", f"{disk}@@512", f"::{name}", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@needs_syslinux
def test_a_boot_disk_holds_kernel_initramfs_and_root_and_is_the_same_for_the_same_parts(
    packages: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root.squashfs"
    root.write_bytes(b"hsqs" + bytes(1000))
    parts = boot_parts(packages, "")
    write_boot_disk(parts, root, tmp_path / "disk")
    disk = (tmp_path / "disk").read_bytes()
    assert len(disk) % (2 << 20) == 0 and disk[510:512] == b"\x55\xaa"
    boot, system = (struct.unpack("<B3xB3xII", disk[at : at + 16]) for at in (0x1BE, 0x1CE))
    assert boot == (0x80, 0x01, 1, system[2] - 1) and system[:2] == (0, 0x83)
    assert disk[system[2] * 512 :].startswith(root.read_bytes())
    assert _in_fat(tmp_path / "disk", "vmlinuz") == parts.vmlinuz.read_bytes()
    init = _members(_in_fat(tmp_path / "disk", "initrd"))["init"][1]
    assert b"for module in xen-blkfront.ko xen-netfront.ko virtio_ring.ko" in init
    assert b"for name in xvda2 vda2;" in init
    # FAT keeps times in steps of two seconds.
    time.sleep(2.1)
    write_boot_disk(parts, root, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == disk


@needs_syslinux
def test_a_boot_disks_command_line_is_replaced_within_its_first_64_kib(
    packages: Path, tmp_path: Path
) -> None:
    root, disk = tmp_path / "root.squashfs", tmp_path / "disk"
    root.write_bytes(b"hsqs")
    write_boot_disk(boot_parts(packages, ""), root, disk)
    head = head_of(disk, "quiet UNILAB_NONCE=a -- /app/server")
    assert len(head) == HEAD_BYTES and head.count(b"UNILAB_NONCE=a") == 1
    disk.write_bytes(head + disk.read_bytes()[HEAD_BYTES:])
    assert head_of(disk, "quiet UNILAB_NONCE=b") == head.replace(
        b"UNILAB_NONCE=a -- /app/server\n", b"UNILAB_NONCE=b\n" + b"\n" * 15
    )
    config = _in_fat(disk, "syslinux.cfg")
    assert b"  APPEND initrd=initrd quiet UNILAB_NONCE=a -- /app/server\n" in config
    for line, problem in ((2048 * "x", "2048 bytes; Linux takes 2047"), ("a\nb", "in one line")):
        with pytest.raises(LabError, match=problem):
            head_of(disk, line)


def test_a_missing_boot_loader_is_named(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_boot_disk, "_MBR_CODES", (tmp_path / "none",))
    (tmp_path / "root").touch()
    with pytest.raises(LabError, match="Remedy: install the packages syslinux and mtools"):
        linux_boot_disk.recipe(boot_parts(packages, ""), tmp_path / "root")
