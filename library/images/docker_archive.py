#!/usr/bin/python
"""Ansible module docker_archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_archive
short_description: A Docker image from a staged tree, without a Docker engine
version_added: "0.1.0"
description:
  - Writes an archive for C(docker image load) from a staged tree and its libc set.
  - The same tree gives the same image, whose id is known before an engine loads it.
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
  cmdline:
    description: The program and its arguments, split on white space; the image's entry point.
    type: str
    required: true
  env:
    description: Environment of the image.
    type: dict
    default: {}
  name:
    description: Name and tag of the image.
    type: str
    required: true
  path:
    description: The archive. Its record is kept beside it, with C(.json) appended.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: Reports whether the archive would be made.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Pack a service for Docker
  docker_archive:
    tree: .cache/trees/todos-go
    cmdline: /app/server
    name: unilab/todos-go:7f7f00bd0df2
    path: .cache/images/todos-go.tar
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
  sample: /srv/unilab/.cache/images/todos-go.tar
name:
  description: Name and tag of the image.
  returned: success
  type: str
  sample: unilab/todos-go:7f7f00bd0df2
image_id:
  description: The id that Docker's own image store gives the image; the hash of its configuration.
  returned: the archive exists
  type: str
  sample: sha256:0a6e4ec0b0a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a899
recipe_sha256:
  description: The image's label C(unilab.recipe), which changes with whatever the image is made of.
  returned: success
  type: str
  sample: 4be0a6e4ec0b0a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a
sha256:
  description: Hash of the archive.
  returned: the archive exists
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
bytes:
  description: Size of the archive, in bytes.
  returned: the archive exists
  type: int
  sample: 6246400
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.build_cache import make_once, recipe_sha256
from ansible.module_utils.unilab.images.docker_archive import Image, read_image_id, write_archive
from ansible.module_utils.unilab.images.libc import libc_files

from contracts.errors import InputError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "tree": {"type": "path", "required": True},
            "libc_files": {"type": "list", "elements": "dict", "default": []},
            "cmdline": {"type": "str", "required": True},
            "env": {"type": "dict", "default": {}},
            "name": {"type": "str", "required": True},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        libc = libc_files(options["libc_files"])
        image = Image(options["name"], Path(options["tree"]), libc, options["cmdline"], options["env"])
        recipe = image.recipe()
        wanted = recipe_sha256(recipe)
        made = make_once(
            Path(options["path"]),
            recipe,
            lambda path: write_archive(image, wanted, path),
            module.check_mode,
        )
        known = {"image_id": read_image_id(made.path)} if made.sha256 else {}
    except (InputError, LabError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=made.changed,
        path=str(made.path),
        name=image.name,
        recipe_sha256=wanted,
        sha256=made.sha256,
        bytes=made.bytes,
        **known,
    )


if __name__ == "__main__":
    main()
