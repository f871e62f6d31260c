"""Kernel and initramfs that every Linux guest of a QEMU host shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.initramfs import INIT, WANTED_MODULES, module_order, write_initramfs
from ansible.module_utils.unilab.linux_kernel import newest_release, unpack_kernel
from ansible.module_utils.unilab.recorded import Made, make_once


@dataclass(frozen=True)
class Packages:
    """Where this machine's packages put what is needed.

    Attributes:
        boot: the folder of vmlinuz-RELEASE.
        modules: the folder with a folder per release.
        busybox: a static busybox.
    """

    boot: Path = Path("/boot")
    modules: Path = Path("/lib/modules")
    busybox: Path = Path("/bin/busybox")


@dataclass(frozen=True)
class BootFiles:
    """The two files, and the kernel release that both are of."""

    release: str
    kernel: Made
    initrd: Made


def make_boot_files(folder: Path, release: str, check_mode: bool, packages: Packages) -> BootFiles:
    """Make kernel and initramfs of ``release``, "" meaning the newest, in ``folder``. Raises LabError."""
    release = release or newest_release(packages.boot, packages.modules)
    vmlinuz, modules = packages.boot / f"vmlinuz-{release}", packages.modules / release
    for path in (vmlinuz, modules / "modules.dep", packages.busybox):
        if not path.is_file():
            raise LabError(
                f"{path}: missing. Remedy: install linux-image-cloud-amd64 and busybox-static there."
            )

    def write_kernel(path: Path) -> None:
        path.write_bytes(unpack_kernel(vmlinuz))

    def write_initrd(path: Path) -> None:
        write_initramfs(packages.busybox, modules, path)

    parts = [packages.busybox, *(modules / name for name in module_order(modules, WANTED_MODULES))]
    kernel_recipe = {"vmlinuz": sha256_of(vmlinuz)}
    initrd_recipe = {"init": INIT, "parts": [[path.name, sha256_of(path)] for path in parts]}
    stem = folder / f"linux-{release}"
    return BootFiles(
        release,
        make_once(Path(f"{stem}.vmlinux"), kernel_recipe, write_kernel, check_mode),
        make_once(Path(f"{stem}.initrd"), initrd_recipe, write_initrd, check_mode),
    )
