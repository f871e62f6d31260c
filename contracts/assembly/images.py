"""What the image roles report of each service's image, from the results of the modules that packed them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Result = Mapping[str, Any]
Images = dict[str, dict[str, Any]]


class Image(BaseModel):
    """An image that is ready on the host that boots it. Further keys are kept.

    Attributes:
        name: of a container's image, "" for a guest.
        path: of a guest's disk, "" for none.
        sha256, bytes: of what the platform is given.
        boot: kernel, where the hypervisor loads ``kernel`` and ``initrd``; disk, where it boots by itself.
        kernel_release: what the record has for the kernel.
        artifact_sha256: of the staged tree; of a prebuilt unikernel that takes no nonce its own hash.
        cmdline, osv_cmdline_suffix, env: the program, as the manifest has it.
        port, address: where an image answers that cannot be given another; None and "" otherwise.
        identity: how the instance is recognised, see ``contracts.images.prebuilt``.
        machine: QEMU's board.
        counting: addresses of the kernel and of its idle loop, by those names, each LOW-HIGH in hexadecimal.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = ""
    path: str = ""
    sha256: str
    bytes: int
    boot: Literal["", "kernel", "disk"] = ""
    kernel: str = ""
    kernel_release: str = "unknown"
    initrd: str = ""
    disk_format: str = "raw"
    artifact_sha256: str
    cmdline: str
    osv_cmdline_suffix: str = ""
    env: dict[str, str] = {}
    port: int | None = None
    address: str = ""
    identity: Literal["nonce", "answers"] = "nonce"
    machine: str = "q35"
    counting: dict[str, list[str]] = {}


def docker_images(packed: Sequence[Result]) -> Images:
    """Service to image, from the results of docker_archive over the items of ``service_tree_trees``."""
    return {
        row["item"]["key"]: {
            "name": row["name"],
            "image_id": row.get("image_id", ""),
            "sha256": row["sha256"],
            "bytes": row["bytes"],
            **_program(row["item"]["value"]),
        }
        for row in packed
    }


def linux_images(packed: Sequence[Result], kernel: Result, folder: str) -> Images:
    """Service to image that is booted with ``kernel``, the result of linux_boot.

    ``packed`` are the results of linux_disk over the items of ``service_tree_trees``; their files are in
    ``folder`` on the host.
    """
    return {
        row["item"]["key"]: {
            "path": posixpath.join(folder, posixpath.basename(row["path"])),
            "sha256": row["sha256"],
            "bytes": row["bytes"],
            "boot": "kernel",
            "kernel": kernel["kernel"],
            "kernel_release": kernel["release"],
            "kernel_sha256": kernel["kernel_sha256"],
            "initrd": kernel["initrd"],
            **_program(row["item"]["value"]),
        }
        for row in packed
    }


def linux_roots(packed: Sequence[Result], folder: str) -> Images:
    """Service to root file system without a kernel, from the results of linux_disk, as ``linux_images``."""
    return {
        row["item"]["key"]: {
            "path": posixpath.join(folder, posixpath.basename(row["path"])),
            "sha256": row["sha256"],
            "bytes": row["bytes"],
            **_program(row["item"]["value"]),
        }
        for row in packed
    }


def linux_boot_images(disks: Sequence[Result]) -> Images:
    """Service to disk that boots by itself, from the results of linux_boot_disk over those of linux_disk."""
    return {
        row["disk"]["item"]["key"]: {
            "path": row["path"],
            "sha256": row["sha256"],
            "bytes": row["bytes"],
            "boot": "disk",
            "kernel": "",
            "kernel_release": row["release"],
            "kernel_sha256": row["kernel_sha256"],
            "initrd": "",
            **_program(row["disk"]["item"]["value"]),
        }
        for row in disks
    }


def osv_images(packed: Sequence[Result], folder: str, ranges: Mapping[str, list[str]]) -> Images:
    """Service to image with OSv, from the results of capstan_image over the items of ``service_tree_trees``.

    Disks, and the kernel where a disk does not boot by itself, are in ``folder`` on the host; ``ranges`` are
    the addresses of the kernel, see ``Image.counting``.
    """
    images: Images = {}
    for row in packed:
        tree, loader = row["item"]["value"], row["loader_sha256"]
        images[row["item"]["key"]] = {
            "path": posixpath.join(folder, posixpath.basename(row["path"])),
            "sha256": row["sha256"],
            "bytes": row["bytes"],
            "boot": row["boot"],
            "kernel": posixpath.join(folder, osv_kernel_name(loader)) if row["boot"] == "kernel" else "",
            "kernel_release": f"OSv, loader {loader[:12]}",
            "kernel_sha256": loader,
            "initrd": "",
            "counting": dict(ranges),
            "osv_cmdline_suffix": tree["osv_cmdline_suffix"],
            **_program(tree),
        }
    return images


def osv_kernel_name(loader_sha256: str) -> str:
    """Name of OSv's kernel on a host."""
    return f"osv-{loader_sha256[:12]}.elf"


def _program(tree: Result) -> dict[str, Any]:
    """What a staged tree, as the module staged_tree returns it, says of the program."""
    return {name: tree[name] for name in ("artifact_sha256", "cmdline", "env")}
