"""Kernel and initramfs that every Linux guest of a QEMU host shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.build_cache import Made, make_once
from ansible.module_utils.unilab.images.linux.initramfs import KERNEL_BOOT, initramfs, recipe
from ansible.module_utils.unilab.images.linux.kernel import unpack_kernel
from ansible.module_utils.unilab.images.linux.packages import boot_parts


@dataclass(frozen=True)
class BootFiles:
    """The two files, and the kernel release that both are of."""

    release: str
    kernel: Made
    initrd: Made


def make_boot_files(folder: Path, release: str, check_mode: bool, root: Path = Path("/")) -> BootFiles:
    """Make kernel and initramfs of ``release``, "" meaning the newest, in ``folder``.

    Their parts are those of the packages below ``root``. Raises LabError.
    """
    parts = boot_parts(root, release)

    def write_kernel(path: Path) -> None:
        path.write_bytes(unpack_kernel(parts.vmlinuz))

    def write_initrd(path: Path) -> None:
        path.write_bytes(initramfs(parts.busybox, parts.modules, KERNEL_BOOT))

    kernel_recipe = {"vmlinuz": sha256_of(parts.vmlinuz)}
    initrd_recipe = recipe(parts.busybox, parts.modules, KERNEL_BOOT)
    stem = folder / f"linux-{parts.release}"
    return BootFiles(
        parts.release,
        make_once(Path(f"{stem}.vmlinux"), kernel_recipe, write_kernel, check_mode),
        make_once(Path(f"{stem}.initrd"), initrd_recipe, write_initrd, check_mode),
    )
