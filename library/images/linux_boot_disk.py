#!/usr/bin/python
"""Ansible module linux_boot_disk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_boot_disk
short_description: A disk from which a PC's BIOS boots a Linux guest
version_added: "0.1.0"
description:
  - Joins SYSLINUX, a kernel, an initramfs for Xen and for QEMU, and the guest's root into one raw disk. The
    service in the root becomes the guest's only program.
  - The command line is empty; the module C(xenserver_guest) puts that of each boot in its place.
  - Needs the packages syslinux and mtools, and nothing of root's rights.
options:
  packages:
    description: Where linux-image-cloud-amd64 and busybox-static are, installed or unpacked.
    type: path
    default: /
  release:
    description: The kernel release. Empty means the newest that is there.
    type: str
    default: ""
  root:
    description: The guest's root, as the module C(linux_disk) writes it.
    type: path
    required: true
  path:
    description: The disk. Its record is kept beside it, with C(.json) appended.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Reports whether the disk would be made.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Pack a service for a Linux guest of a XenServer
  linux_boot_disk:
    packages: .cache/linux
    root: .cache/images/todos-go.squashfs
    path: .cache/images/todos-go.linux.raw
"""

RETURN = r"""
path:
  description: The disk.
  returned: success
  type: str
  sample: /srv/unilab/.cache/images/todos-go.linux.raw
sha256:
  description: Hash of the disk.
  returned: the disk exists
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
bytes:
  description: Size of the disk, in bytes.
  returned: the disk exists
  type: int
  sample: 33554432
release:
  description: The kernel release.
  returned: success
  type: str
  sample: 6.1.0-42-cloud-amd64
kernel_sha256:
  description: Hash of the kernel, as its package has it.
  returned: success
  type: str
  sample: 0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0a3f5d0e8f67d
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.build_cache import make_once
from ansible.module_utils.unilab.images.linux.boot_disk import recipe, write_boot_disk
from ansible.module_utils.unilab.images.linux.packages import boot_parts


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "path", "default": "/"},
            "release": {"type": "str", "default": ""},
            "root": {"type": "path", "required": True},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    root = Path(module.params["root"])
    try:
        parts = boot_parts(Path(module.params["packages"]), module.params["release"])
        if not root.is_file():
            raise LabError(f"{root}: key root: missing. Remedy: make it with linux_disk.")
        made_of = recipe(parts, root)
        made = make_once(
            Path(module.params["path"]),
            made_of,
            lambda path: write_boot_disk(parts, root, path),
            module.check_mode,
        )
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=made.changed,
        path=str(made.path),
        sha256=made.sha256,
        bytes=made.bytes,
        release=parts.release,
        kernel_sha256=made_of["vmlinuz"],
    )


if __name__ == "__main__":
    main()
