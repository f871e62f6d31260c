#!/usr/bin/python
"""Ansible module prebuilt_image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prebuilt_image
short_description: The unikernels that a study supplies as images, checked and hashed
version_added: "0.1.0"
description:
  - Runs on the controller and changes nothing.
options:
  study:
    description: The study. Relative paths in it are relative to its folder.
    type: path
    required: true
  folder:
    description: Where the host that runs them will have their files.
    type: path
    required: true
  artifacts:
    description: Service to the hash of its staged tree, which an image with identity C(nonce) has to report.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: It changes nothing anyway.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Find the images of unikernels that were made elsewhere
  prebuilt_image:
    study: studies/nanos.yml
    folder: /var/lib/unilab/images
  register: prebuilt
"""

RETURN = r"""
files:
  description: What to copy to the host that runs them.
  returned: always
  type: list
  elements: dict
  sample: [{src: /srv/nanos.raw, dest: /var/lib/unilab/images/nanos-qemu-todos-go-disk-77aa12bb34cc}]
images:
  description: For each arm and service that a cell of the study boots, what the role trial needs to know.
  returned: always
  type: dict
  sample:
    nanos-qemu/todos-go:
      path: /var/lib/unilab/images/nanos-qemu-todos-go-disk-77aa12bb34cc
      disk_format: raw
      port: 8080
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.images.prebuilt import Placed, place, prebuilt_images

from contracts.errors import InputError
from contracts.study import load_study


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "study": {"type": "path", "required": True},
            "folder": {"type": "path", "required": True},
            "artifacts": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    path, folder = Path(module.params["study"]), Path(module.params["folder"])
    try:
        placed: dict[str, Placed] = {
            f"{found.arm}/{found.service}": place(found, folder, module.params["artifacts"])
            for found in prebuilt_images(path, load_study(path))
        }
    except InputError as error:
        module.fail_json(msg=str(error))
    files = {dest: src for image in placed.values() for src, dest in image.files}
    module.exit_json(
        changed=False,
        files=[{"src": src, "dest": dest} for dest, src in sorted(files.items())],
        images={key: image.facts for key, image in placed.items()},
    )


if __name__ == "__main__":
    main()
