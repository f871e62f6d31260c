#!/usr/bin/python
"""Ansible module linux_boot."""

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_boot
short_description: Kernel and initramfs for Linux guests
version_added: "0.1.0"
description:
  - Unpacks an installed kernel and writes an initramfs of busybox and the few modules that a QEMU
    guest with virtio devices needs. The service in the guest's disk becomes its only program.
  - Uses the packages of the machine it runs on, a kernel package and busybox-static, and the tool
    that unpacks this kernel, such as lz4.
options:
  folder:
    description: Where both files go. Their records are kept beside them, with C(.json) appended.
    type: path
    required: true
  release:
    description: The kernel release. Empty means the newest that is installed.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Reports whether a file would be made.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: What every Linux guest of this host boots
  linux_boot:
    folder: /var/lib/unilab/images
"""

RETURN = r"""
release:
  description: The kernel release.
  returned: success
  type: str
  sample: 6.1.0-42-cloud-amd64
kernel:
  description: The unpacked kernel.
  returned: success
  type: str
  sample: /var/lib/unilab/images/linux-6.1.0-42-cloud-amd64.vmlinux
kernel_sha256:
  description: Hash of the unpacked kernel.
  returned: the file exists
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
initrd:
  description: The initramfs.
  returned: success
  type: str
  sample: /var/lib/unilab/images/linux-6.1.0-42-cloud-amd64.initrd
initrd_sha256:
  description: Hash of the initramfs.
  returned: the file exists
  type: str
  sample: 0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0a3f5d0e8f67d
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.linux.boot import make_boot_files


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "release": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    folder, release = Path(module.params["folder"]), module.params["release"]
    try:
        made = make_boot_files(folder, release, module.check_mode)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=made.kernel.changed or made.initrd.changed,
        release=made.release,
        kernel=str(made.kernel.path),
        kernel_sha256=made.kernel.sha256,
        initrd=str(made.initrd.path),
        initrd_sha256=made.initrd.sha256,
    )


if __name__ == "__main__":
    main()
