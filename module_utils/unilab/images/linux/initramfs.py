"""The initramfs of a Linux guest: busybox, a few modules, and an /init that steps aside.

Once /init is done nothing of it is left: its files are deleted, and the service is process 1. What
the service gets comes from the kernel's command line, which hands unknown NAME=VALUE words to /init
as its environment and the words after "--" as its arguments (Linux, init/main.c):

    UNILAB_IP=10.0.0.3/24 UNILAB_GATEWAY=10.0.0.1 NAME=VALUE ... -- /app/server ARGUMENT ...

Format: cpio "newc", the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.linux.kernel import unpack


@dataclass(frozen=True)
class Hardware:
    """What a guest finds around it, in the kernel's words.

    Attributes:
        modules: what drives its disk and its network card, and reads its disk.
        roots: block devices that its root may be; the first that appears is.
    """

    modules: tuple[str, ...]
    roots: tuple[str, ...]


_VIRTIO = ("virtio_pci", "virtio_blk", "virtio_net")
# QEMU is given the kernel, and the whole disk is the root.
KERNEL_BOOT = Hardware((*_VIRTIO, "squashfs"), ("vda",))
# The root is the second partition of a disk that boots by itself, on Xen or on QEMU.
DISK_BOOT = Hardware(("xen_blkfront", "xen_netfront", *_VIRTIO, "squashfs"), ("xvda2", "vda2"))

INIT = """\
#!/bin/busybox sh
# A step that fails ends process 1, and with it the guest: better than one that never answers.
set -e
bb=/bin/busybox
# Another hypervisor's drivers find nothing and say so; if nothing is found at all, that ends it below.
for module in {modules}; do $bb insmod /modules/$module || $bb true; done
$bb mount -t devtmpfs devtmpfs /dev
# Xen's disk and card come a moment after their drivers.
patience=500
wait_for() {{
    patience=$((patience - 1))
    if [ $patience = 0 ]; then echo "no $1 within 10 s"; exit 1; fi
    $bb sleep 0.02
}}
root=
while :; do
    for name in {roots}; do if [ -b /dev/$name ]; then root=/dev/$name; break 2; fi; done
    wait_for disk
done
$bb ip link set lo up
until $bb ip addr add "$UNILAB_IP" dev eth0 2>/dev/null; do wait_for "network card"; done
$bb ip link set eth0 up
[ -z "$UNILAB_GATEWAY" ] || $bb ip route add default via "$UNILAB_GATEWAY"
$bb mount -t squashfs -o ro $root /root
$bb mount -t devtmpfs devtmpfs /root/dev
$bb mount -t proc proc /root/proc
$bb mount -t sysfs sysfs /root/sys
$bb mount -t tmpfs tmpfs /root/tmp
# The service sees the environment that its manifest and the trial give, and HOME and TERM.
unset BOOT_IMAGE UNILAB_IP UNILAB_GATEWAY PATH SHLVL PWD OLDPWD
exec $bb switch_root /root "$@"
"""
_FOLDERS = ("bin", "dev", "modules", "root")
_DIRECTORY, _EXECUTABLE, _FILE = 0o040755, 0o100755, 0o100644


def initramfs(busybox: Path, modules: Path, hardware: Hardware, init: str = INIT) -> bytes:
    """An initramfs with ``busybox`` and what ``hardware`` needs of the folder ``modules``.

    ``modules`` is /lib/modules/RELEASE; ``init`` is given ``{modules}`` and ``{roots}``. Not packed: it
    boots no later so. Raises LabError where a module is missing.
    """
    order = module_order(modules, hardware.modules)
    script = init.format(
        modules=" ".join(_plain_name(name) for name in order), roots=" ".join(hardware.roots)
    )
    members = [(folder, _DIRECTORY, b"") for folder in _FOLDERS]
    members.append(("bin/busybox", _EXECUTABLE, busybox.read_bytes()))
    members.append(("init", _EXECUTABLE, script.encode()))
    for name in order:
        content = unpack(modules / name, (modules / name).read_bytes())
        members.append((f"modules/{_plain_name(name)}", _FILE, content))
    return cpio(members)


def recipe(busybox: Path, modules: Path, hardware: Hardware) -> dict[str, Any]:
    """All that the content of ``initramfs`` depends on. Raises LabError where a module is missing."""
    parts = [busybox, *(modules / name for name in module_order(modules, hardware.modules))]
    return {
        "init": INIT,
        "roots": hardware.roots,
        "parts": [[path.name, sha256_of(path)] for path in parts],
    }


def module_order(modules: Path, wanted: Sequence[str]) -> list[str]:
    """Paths below ``modules`` of ``wanted`` and what they need, each after what it needs.

    Modules that are built into the kernel are omitted. Raises LabError where one is missing.
    """
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    paths = {_module_name(path): path for path in needs}
    built_in_list = (modules / "modules.builtin").read_text(encoding="ascii")
    built_in = {_module_name(path) for path in built_in_list.split()}
    order: dict[str, None] = {}
    for name in wanted:
        if name in built_in:
            continue
        if name not in paths:
            raise LabError(
                f"{modules}: no module {name}. Remedy: install a kernel that has it, "
                "such as linux-image-cloud-amd64."
            )
        # modules.dep lists all that a module needs, the deepest last.
        for path in (*reversed(needs[paths[name]]), paths[name]):
            order.setdefault(path)
    return list(order)


def cpio(members: Sequence[tuple[str, int, bytes]]) -> bytes:
    """An archive of (name, mode, content), root's and of no time, padded to 512 bytes."""
    out = bytearray()
    for number, (name, mode, content) in enumerate([*members, ("TRAILER!!!", 0, b"")], start=1):
        name_bytes = name.encode() + b"\0"
        # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name_bytes), 0)
        out += b"070701" + b"".join(b"%08X" % value for value in fields) + name_bytes
        out += bytes(-len(out) % 4)
        out += content
        out += bytes(-len(out) % 4)
    return bytes(out + bytes(-len(out) % 512))


def _module_name(path: str) -> str:
    return _plain_name(path).removesuffix(".ko").replace("-", "_")


def _plain_name(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[: name.index(".ko") + 3] if ".ko" in name else name
