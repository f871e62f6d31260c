#!/usr/bin/python
"""Ansible module linux_disk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: linux_disk
short_description: The disk of a Linux guest from a staged tree
version_added: "0.1.0"
description:
  - Writes a staged tree and its libc set as an uncompressed squashfs, the same for the same tree.
  - Needs C(mksquashfs) of squashfs-tools 4.5 or newer.
options:
  tree:
    description: A staged tree.
    type: path
    required: true
  libc_files:
    description: The tree's libc set, as returned by the module C(staged_tree).
    type: list
    elements: dict
    default: []
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
- name: Pack a service for a Linux guest
  linux_disk:
    tree: .cache/trees/todos-go
    path: .cache/images/todos-go.squashfs
"""

RETURN = r"""
path:
  description: The disk.
  returned: success
  type: str
  sample: /srv/unilab/.cache/images/todos-go.squashfs
sha256:
  description: Hash of the disk.
  returned: the disk exists
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
bytes:
  description: Size of the disk, in bytes.
  returned: the disk exists
  type: int
  sample: 6230016
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.build_cache import make_once
from ansible.module_utils.unilab.images.libc import libc_files
from ansible.module_utils.unilab.images.linux.disk import recipe, write_disk

from contracts.errors import InputError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "tree": {"type": "path", "required": True},
            "libc_files": {"type": "list", "elements": "dict", "default": []},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    tree = Path(module.params["tree"])
    try:
        libc = libc_files(module.params["libc_files"])
        made = make_once(
            Path(module.params["path"]),
            recipe(tree, libc),
            lambda path: write_disk(tree, libc, path),
            module.check_mode,
        )
    except (InputError, LabError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=made.changed, path=str(made.path), sha256=made.sha256, bytes=made.bytes)


if __name__ == "__main__":
    main()
