#!/usr/bin/python
"""Ansible module study."""

from __future__ import annotations

DOCUMENTATION = r"""
module: study
short_description: Read and check a study, and list the arms that cannot run here
version_added: "0.1.0"
description:
  - Runs on the controller and changes nothing.
options:
  path:
    description: The study.
    type: path
    required: true
  groups:
    description: The inventory's groups, name to hosts. Without them, arms are not checked.
    type: dict
  osv_loader:
    description: OSv's kernel or loader, a path on the controller or an address; empty where there is none.
    type: str
    default: ""
  osv_loader_sha256:
    description: Hash of what I(osv_loader) is the address of.
    type: str
    default: ""
  why_no_osv_loader:
    description: Why there is none; shown with the arms that need it.
    type: str
    default: ""
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the study
  study:
    path: studies/demo.yml
    groups: "{{ groups }}"
  register: lab
"""

RETURN = r"""
path:
  description: Where the study was read from.
  returned: always
  type: str
  sample: /srv/unilab/studies/demo.yml
study:
  description: Content of the study, with defaults filled in.
  returned: always
  type: dict
  sample: {name: demo, boots: 3, services: [todos-go], arms: [docker]}
osv_loader:
  description: OSv's kernel or loader, as given.
  returned: always
  type: str
  sample: /srv/osv/loader.elf
wants_osv:
  description: Whether an arm of the study boots OSv.
  returned: always
  type: bool
  sample: true
not_run:
  description: Arms that cannot run here, why, and what would help.
  returned: I(groups) is given
  type: list
  elements: dict
  sample: [{arm: osv-qemu, why: no OSv loader was given, remedy: name one}]
"""

import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.images.osv.loader import loader_kind
from ansible.module_utils.unilab.images.prebuilt import prebuilt_images

from contracts.arms import arm_named
from contracts.availability import arms_not_run
from contracts.errors import InputError
from contracts.study import load_study


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "groups": {"type": "dict"},
            "osv_loader": {"type": "str", "default": ""},
            "osv_loader_sha256": {"type": "str", "default": ""},
            "why_no_osv_loader": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    loader = module.params["osv_loader"]
    try:
        path = Path(module.params["path"])
        study = load_study(path)
        prebuilt_images(path, study)  # a missing file is reported before anything is changed
        _check_loader(loader, module.params["osv_loader_sha256"])
    except InputError as error:
        module.fail_json(msg=str(error))
    groups = module.params["groups"]
    not_run = arms_not_run(study, groups, loader, module.params["why_no_osv_loader"]) if groups else []
    module.exit_json(
        changed=False,
        path=str(path.resolve()),
        study=study.model_dump(mode="json"),
        osv_loader=loader,
        wants_osv=any(arm_named(name).runtime == "osv" for name in study.booted_arms),
        **({"not_run": [row.model_dump(mode="json") for row in not_run]} if groups else {}),
    )


def _check_loader(loader: str, sha256: str) -> None:
    """Raises InputError where OSv's loader is missing, is of another kind, or cannot be downloaded safely."""
    if "://" in loader:
        if not re.fullmatch(r"https?://\S+/\S+", loader):
            raise InputError(
                loader, "osv_loader", "no address of a file", "give https://HOST/PATH, or a path"
            )
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise InputError(
                loader,
                "osv_loader_sha256",
                "is not given, or no sha256 in hexadecimal",
                "OSv publishes none: download it once, inspect it, and give the output of sha256sum",
            )
    elif loader:
        try:
            loader_kind(Path(loader))
        except InputError as error:
            raise InputError(loader, "osv_loader", error.problem, error.remedy) from None


if __name__ == "__main__":
    main()
