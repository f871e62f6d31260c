"""A service is the only program of its Linux guest, by a kernel given to QEMU and by a disk that boots."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.linux.boot import make_boot_files
from ansible.module_utils.unilab.images.linux.boot_disk import with_command_line, write_boot_disk
from ansible.module_utils.unilab.images.linux.disk import write_disk
from ansible.module_utils.unilab.images.linux.packages import boot_parts
from laboratory import PROJECT

from tests.unit.trees import compile_c, staged

# Debian as the one-machine laboratory has it, kernel and busybox included.
DEBIAN = PROJECT / ".lab/root"
WORDS = "console=ttyS0 quiet panic=-1 UNILAB_IP=10.0.2.15/24 UNILAB_NONCE=x -- /app/hello world"
SOURCE = """
    #include <stdio.h>
    #include <stdlib.h>
    #include <unistd.h>
    extern char **environ;
    int main(int n, char **a) {
        printf("process %d says %s\\n", getpid(), a[n - 1]);
        for (char **e = environ; *e; e++) printf("env %s\\n", *e);
        fflush(stdout);
    }"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    # Asked now and not when tests are collected: the tests of the laboratory make it.
    if not (DEBIAN / "boot").is_dir():
        pytest.skip(f"{DEBIAN}: no kernel, for no one-machine laboratory was made here")
    (tmp_path / "service").mkdir()
    compile_c(SOURCE, tmp_path / "service/hello")
    done = staged(tmp_path, {"/app/hello": "hello"})
    write_disk(done.tree, done.libc, tmp_path / "root.squashfs")
    return tmp_path / "root.squashfs"


def test_with_a_kernel_that_qemu_is_given(root: Path, tmp_path: Path) -> None:
    made = make_boot_files(tmp_path / "out", "", False, DEBIAN)
    kernel = ("-kernel", str(made.kernel.path), "-initrd", str(made.initrd.path), "-append", WORDS)
    _it_is_the_only_program(_said(root, *kernel))


def test_with_a_disk_that_boots_by_itself(root: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    write_boot_disk(boot_parts(DEBIAN, ""), root, disk)
    with disk.open("r+b") as stream:
        head = with_command_line(disk, stream.read(64 << 10), WORDS)
        stream.seek(0)
        stream.write(head)
    _it_is_the_only_program(_said(disk))


def _said(disk: Path, *kernel: str) -> str:
    return subprocess.run(
        [
            *("qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu", "qemu64", "-m", "256"),
            *("-nographic", "-no-reboot", "-nic", "user,model=virtio-net-pci,restrict=on"),
            *("-drive", f"file={disk},if=virtio,format=raw,readonly=on"),
            *kernel,
        ],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=True,
    ).stdout.decode(errors="replace")


def _it_is_the_only_program(said: str) -> None:
    assert "process 1 says world" in said
    environment = {line.split()[1] for line in said.splitlines() if line.startswith("env ")}
    assert environment == {"HOME=/", "TERM=linux", "UNILAB_NONCE=x"}
