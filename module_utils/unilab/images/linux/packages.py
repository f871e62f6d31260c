"""Where Debian's packages put the parts that a Linux guest boots from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.linux.kernel import newest_release


@dataclass(frozen=True)
class BootParts:
    """One kernel and what goes into its initramfs.

    Attributes:
        release: the kernel's release, as in vmlinuz-RELEASE.
        vmlinuz: the kernel as its package has it, a bzImage.
        modules: the folder with its modules, /lib/modules/RELEASE.
        busybox: a static busybox.
    """

    release: str
    vmlinuz: Path
    modules: Path
    busybox: Path


def boot_parts(root: Path, release: str) -> BootParts:
    """The parts below ``root``, "/" or where packages were unpacked; ``release`` "" means the newest.

    Raises LabError, naming what is missing.
    """
    boot, modules = root / "boot", root / "lib/modules"
    release = release or newest_release(boot, modules)
    parts = BootParts(release, boot / f"vmlinuz-{release}", modules / release, root / "bin/busybox")
    for path in (parts.vmlinuz, parts.modules / "modules.dep", parts.busybox):
        if not path.is_file():
            raise LabError(
                f"{path}: missing. Remedy: install linux-image-cloud-amd64 and busybox-static there."
            )
    return parts
