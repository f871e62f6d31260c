#!/usr/bin/python
"""Ansible module campaign_block."""

from __future__ import annotations

DOCUMENTATION = r"""
module: campaign_block
short_description: Decide whether a campaign needs a block, and end it where it is precise enough
version_added: "0.2.0"
description:
  - Runs on the controller, before each trial of a study whose O(block) may be one too many.
  - A block that has a record is finished in any case. Before the first trial of another one the analysis is
    asked whether every primary comparison of the study is precise enough or decided. Where it is, the
    campaign ends, and C(stopped.json) in its folder says why.
options:
  directory:
    description: Folder of the campaign.
    type: path
    required: true
  block:
    description: Number of the block, from 0.
    type: int
    required: true
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Ask whether the study needs this block
  campaign_block:
    directory: "{{ lab_campaign.directory }}"
    block: "{{ trial.block }}"
  register: lab_block
"""

RETURN = r"""
wanted:
  description: Whether trials of the block are to be run.
  returned: always
  type: bool
  sample: true
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from contracts.campaign import STOPPED
from contracts.errors import InputError
from contracts.stopping import block_is_wanted


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "block": {"type": "int", "required": True},
        },
    )
    directory = Path(module.params["directory"])
    ended = (directory / STOPPED).exists()
    try:
        wanted = block_is_wanted(directory, module.params["block"], _why_enough)
    except InputError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=not ended and (directory / STOPPED).exists(), wanted=wanted)


def _why_enough(directory: Path) -> str:
    # Tables are slow to load, and most blocks need none.
    from analysis.verdicts.stopping import why_enough

    return why_enough(directory)


if __name__ == "__main__":
    main()
