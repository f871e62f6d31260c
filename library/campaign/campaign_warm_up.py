#!/usr/bin/python
"""Ansible module campaign_warm_up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: campaign_warm_up
short_description: Find the warm-up of each cell from the pilots of a campaign
version_added: "0.2.0"
description:
  - Runs on the controller, after the pilots and before the trials.
  - The result is added to C(warm_up.json) in the campaign's folder. A cell that is there stays as it is, for
    trials that were run used it.
options:
  directory:
    description: Folder of the campaign.
    type: path
    required: true
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Find the warm-up of each cell
  campaign_warm_up:
    directory: "{{ lab_campaign.directory }}"
  register: lab_warm_up
"""

RETURN = r"""
warm_up_s:
  description: Seconds of load before the measured window, by the slug of each cell of the study.
  returned: always
  type: dict
  sample: {todos-go-docker-1t-1cpu-256mib: 5.0}
cells:
  description: What the pilots showed.
  returned: always
  type: list
  elements: dict
  sample: [{cell: todos-go-docker-1t-1cpu-256mib, warm_up_s: 5.0, steady: true, pilots: 3}]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from analysis.checks.pilots import warm_ups_of
from contracts.campaign import read_campaign
from contracts.errors import InputError
from contracts.warm_up import read_warm_ups, trial_load, write_warm_ups


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"directory": {"type": "path", "required": True}})
    directory = Path(module.params["directory"])
    try:
        changed = write_warm_ups(directory, warm_ups_of(directory))
        cells = read_warm_ups(directory)
        study = read_campaign(directory).study
    except InputError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=changed,
        warm_up_s={cell.slug: trial_load(study, cell, cells).warm_up_s for cell in study.cells()},
        cells=[cell.model_dump(mode="json") for cell in cells],
    )


if __name__ == "__main__":
    main()
