"""Disks: Debian's dom0, made once for each recipe, a Linux guest and an OSv guest."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.images.linux.boot_disk import write_boot_disk
from ansible.module_utils.unilab.images.linux.disk import write_disk
from ansible.module_utils.unilab.images.linux.initramfs import Hardware, initramfs
from ansible.module_utils.unilab.images.linux.packages import boot_parts

from tests.unit.xenservers import run

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
RELEASE = "bookworm"
PACKAGES = (
    "bridge-utils",
    "busybox-static",
    "iproute2",
    "kmod",
    "linux-image-amd64",  # dom0's kernel
    "linux-image-cloud-amd64",  # the guest's: few drivers, so few probes of emulated hardware
    "openssh-server",
    "openssl",  # the double's certificate
    "procps",
    "python3",
    "python3-yaml",
    "qemu-system-xen",  # the device model of HVM domains
    "udev",
    "xen-hypervisor-4.17-amd64",
    "xen-utils-4.17",
)
# Not needed by a dom0 in QEMU; without them the disk has half the size.
_DRIVERS = ["gpu", "media", "infiniband", "iio", "staging", "usb", "scsi", "net/ethernet", "net/wireless"]
OMITTED = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/lib/modules/*/kernel/sound/*",
    *(f"/lib/modules/*/kernel/drivers/{folder}/*" for folder in _DRIVERS),
)
DISK_SIZE = "3G"
DOM0_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")

DOM0_INIT = """\
#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t devtmpfs devtmpfs /dev
for module in {modules}; do $bb insmod /modules/$module; done
$bb mount -t ext4 /dev/vda /root
exec $bb switch_root /root /sbin/unilab-dom0
"""
# pci=noearly, i8042: no probes of hardware that a nested guest would wait minutes for.
GUEST_WORDS = "tsc=reliable pci=noearly i8042.nopnp i8042.noaux i8042.nokbd 8250.nr_uarts=1"


@dataclass(frozen=True)
class Dom0:
    """What Xen boots from.

    Attributes:
        folder: where all of it lies.
    """

    folder: Path

    @property
    def root(self) -> Path:
        """Debian, as a folder."""
        return self.folder / "root"

    @property
    def xen(self) -> Path:
        """The hypervisor, unpacked: QEMU's multiboot loader reads ELF alone."""
        return self.folder / "xen.elf"

    @property
    def initrd(self) -> Path:
        """The dom0's initial RAM disk."""
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        """The root as an ext4 disk, never written to by a run."""
        return self.folder / "disk.raw"

    @property
    def key(self) -> Path:
        """The ssh key that the dom0 lets in."""
        return self.folder / "id"

    @property
    def kernel(self) -> Path:
        """The dom0's kernel."""
        return next(path for path in (self.root / "boot").glob("vmlinuz-*") if "cloud" not in path.name)

    @property
    def guest_kernel(self) -> Path:
        """The Linux guest's kernel."""
        return next((self.root / "boot").glob("vmlinuz-*cloud*"))

    def modules(self, kernel: Path) -> Path:
        """The folder with the modules of ``kernel``."""
        return self.root / "usr/lib/modules" / kernel.name.removeprefix("vmlinuz-")


def make_dom0(folder: Path) -> tuple[Dom0, bool]:
    """The dom0 in ``folder``, and whether it was made now. Raises CalledProcessError."""
    dom0 = Dom0(folder)
    recipe_file, recipe = folder / "recipe", _recipe()
    if recipe_file.is_file() and recipe_file.read_text() == recipe:
        return dom0, False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "unilab-xen", "-f", str(dom0.key))
    _run(
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"),
        f"--include={','.join(PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in OMITTED),
        f"--essential-hook={PROJECT / 'roles/local_lab/files/before-kernel.sh'}",
        f"--customize-hook={HERE / 'dom0/customize.sh'}",
        *(RELEASE, str(dom0.root)),
        environment={"UNILAB_SSH_KEY": str(dom0.key), "LC_ALL": "C.UTF-8"},
    )
    dom0.xen.write_bytes(gzip.decompress(next((dom0.root / "boot").glob("xen-*.gz")).read_bytes()))
    dom0.initrd.write_bytes(_initrd(dom0))
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(dom0.root), str(dom0.disk), DISK_SIZE)
    recipe_file.write_text(recipe)
    return dom0, True


def make_linux_disk(dom0: Dom0, server: Path, path: Path) -> None:
    """The disk that the role linux_image makes for a XenServer, of a static ``server``."""
    aside = path.with_suffix(".parts")
    shutil.rmtree(aside, ignore_errors=True)
    tree = aside / "tree"
    for folder in ("app", "dev", "proc", "sys", "tmp"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(server, tree / "app/server")
    write_disk(tree, [], aside / "root.squashfs")
    release = dom0.guest_kernel.name.removeprefix("vmlinuz-")
    write_boot_disk(boot_parts(dom0.root, release), aside / "root.squashfs", path)
    shutil.rmtree(aside)


def make_osv_disk(loader: Path, server: Path, command_line: str, path: Path) -> None:
    """A disk that the BIOS boots: OSv's ``loader`` image with ``server`` in its file system."""
    aside = path.with_suffix(".parts")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    shutil.copy(server, aside / "server")
    (aside / "Capstanfile").write_text("files: {/app/server: server}\ncmdline: /app/server\n")
    path.unlink(missing_ok=True)
    tree = aside / "tree"
    steps: list[tuple[str, dict[str, str]]] = [
        ("staged_tree", {"manifest": str(aside / "Capstanfile"), "path": str(tree)}),
        (
            "capstan_image",
            {"tree": str(tree), "loader": str(loader), "cmdline": command_line, "path": str(path)},
        ),
    ]
    for module, arguments in steps:
        answer = run(module, **arguments)
        if answer["failed"]:
            raise SystemExit(f"{module}: {answer['msg']}")
    shutil.rmtree(aside)


def _initrd(dom0: Dom0) -> bytes:
    busybox, modules = dom0.root / "usr/bin/busybox", dom0.modules(dom0.kernel)
    return initramfs(busybox, modules, Hardware(DOM0_MODULES, ()), DOM0_INIT)


def _recipe() -> str:
    parts = [repr((RELEASE, PACKAGES, OMITTED, DISK_SIZE, DOM0_MODULES, DOM0_INIT))]
    scripts = [*sorted((HERE / "dom0").iterdir()), PROJECT / "roles/local_lab/files/before-kernel.sh"]
    parts += [path.read_text() for path in scripts]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(*argv: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
