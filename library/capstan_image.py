#!/usr/bin/python
"""Ansible module capstan_image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: capstan_image
short_description: The disk of an OSv guest from a staged tree
description:
  - Joins OSv's loader, as it came, and a staged tree into a raw disk, the same for the same input.
  - With a kernel ELF the disk holds the file system only, and the hypervisor is given the kernel.
options:
  tree:
    description: A staged tree. Its libc set is not needed, OSv is the C library.
    type: path
    required: true
  loader:
    description: OSv's C(kernel.elf), or its raw or qcow2 loader image; told apart by content.
    type: path
    required: true
  cmdline:
    description: Command line for a disk that boots by itself; at most 1023 bytes.
    type: str
    default: ""
  path:
    description: The disk. Its record is kept beside it, with C(.json) appended.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Tells whether the disk would be made.
author: unilab
"""

EXAMPLES = r"""
- name: Pack a service for OSv
  capstan_image:
    tree: .cache/trees/todos-go
    loader: osv/kernel.elf
    path: .cache/images/todos-go.osv.raw
"""

RETURN = r"""
path:
  description: The disk.
  returned: success
  type: str
  sample: /srv/unilab/.cache/images/todos-go.osv.raw
sha256:
  description: Hash of the disk.
  returned: the disk exists
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
bytes:
  description: Size of the disk, in bytes.
  returned: the disk exists
  type: int
  sample: 6291456
boot:
  description: C(kernel) where the hypervisor is given the kernel, C(disk) where the disk boots itself.
  returned: success
  type: str
  sample: kernel
kernel:
  description: The kernel to give to the hypervisor; empty where the disk boots itself.
  returned: success
  type: str
  sample: /srv/osv/kernel.elf
loader_sha256:
  description: Hash of the loader, as given.
  returned: success
  type: str
  sample: 0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0a3f5d0e8f67d
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.osv_disk import loader_kind, raw_loader, recipe, write_disk
from ansible.module_utils.unilab.recorded import make_once
from ansible.module_utils.unilab.tree import walk

from contracts.errors import InputError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "tree": {"type": "path", "required": True},
            "loader": {"type": "path", "required": True},
            "cmdline": {"type": "str", "default": ""},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    tree, loader = Path(module.params["tree"]), Path(module.params["loader"])
    cmdline = module.params["cmdline"]

    def write(path: Path) -> None:
        with raw_loader(loader) as (kind, raw):
            write_disk(kind, raw, walk(tree), cmdline, path)

    try:
        boot = "kernel" if loader_kind(loader) == "kernel" else "disk"
        loader_sha256 = sha256_of(loader)
        wanted = recipe(tree, boot, loader_sha256, cmdline)
        made = make_once(Path(module.params["path"]), wanted, write, module.check_mode)
    except (InputError, LabError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=made.changed,
        path=str(made.path),
        sha256=made.sha256,
        bytes=made.bytes,
        boot=boot,
        kernel=str(loader) if boot == "kernel" else "",
        loader_sha256=loader_sha256,
    )


if __name__ == "__main__":
    main()
