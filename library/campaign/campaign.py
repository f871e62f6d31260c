#!/usr/bin/python
"""Ansible module campaign."""

from __future__ import annotations

DOCUMENTATION = r"""
module: campaign
short_description: Open a campaign, new or resumed, and list the trials that remain
version_added: "0.1.0"
description:
  - Runs on the controller.
options:
  results:
    description: Directory of all campaigns.
    type: path
    required: true
  study:
    description: The study, as the module C(study) returns it.
    type: dict
    required: true
  not_run:
    description: Arms that cannot run, as the module C(study) returns them.
    type: list
    elements: dict
    default: []
  waiting:
    description: Arms that could run and whose host is skipped by this run, in the form of O(not_run).
    type: list
    elements: dict
    default: []
  name:
    description: Name of the campaign; empty to resume this study's unfinished one, or make a new one.
    type: str
    default: ""
  owner_pid:
    description:
      - Process that works on the campaign until it ends; no other run can open the campaign meanwhile.
      - 0 for no lock.
    type: int
    default: 0
  purpose:
    description:
      - V(trials) opens the campaign for its trials; the rest of a killed trial is moved to C(aside).
      - V(report) finds the newest campaign of the study, finished or not, and changes nothing in it.
    type: str
    choices: [trials, report]
    default: trials
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Open the campaign
  campaign:
    results: results
    study: "{{ lab.study }}"
"""

RETURN = r"""
directory:
  description: Folder of the campaign.
  returned: always
  type: str
  sample: results/demo-20261123T120000Z
name:
  description: Its name.
  returned: always
  type: str
  sample: demo-20261123T120000Z
resumed:
  description: Whether it was there before.
  returned: always
  type: bool
  sample: false
aside:
  description: Folders of trials that killed runs left unfinished, moved here.
  returned: always
  type: list
  elements: str
  sample: [results/demo-20261123T120000Z/aside/0002-todos-go-docker-1]
total:
  description: Number of trials that can run here.
  returned: always
  type: int
  sample: 24
trials:
  description: Those that remain and wait for nothing, in running order.
  returned: always
  type: list
  elements: dict
  sample: [{id: "0001", block: 0, position: 0, directory: 0001-todos-go-docker, cell: {service: todos-go}}]
pilots:
  description: Pilot boots that remain and wait for nothing, each with the load that it makes.
  returned: always
  type: list
  elements: dict
  sample: [{id: P001, directory: ../pilots/P001-todos-go-docker, load: {warm_up_s: 0.0, duration_s: 120.0}}]
waiting:
  description: The arms that wait, with the number of their trials that remain.
  returned: always
  type: list
  elements: dict
  sample: [{arm: osv-xenserver, why: "xenserver: it is not up", remedy: boot it, trials: 20}]
study_reference:
  description: Name, hash and seed of the study, as records carry them.
  returned: always
  type: dict
  sample: {name: demo, sha256: 5f0c, seed: 7}
"""

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from contracts.campaign import NotRun, write_waiting
from contracts.control import arm_booted
from contracts.errors import InputError
from contracts.opening import campaign_to_report, open_campaign
from contracts.store.files import storage_errors
from contracts.store.folder import move_aside
from contracts.store.lock import this_owner
from contracts.study import Study
from contracts.warm_up import pilot_load, remaining_pilots


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "results": {"type": "path", "required": True},
            "study": {"type": "dict", "required": True},
            "not_run": {"type": "list", "elements": "dict", "default": []},
            "waiting": {"type": "list", "elements": "dict", "default": []},
            "name": {"type": "str", "default": ""},
            "owner_pid": {"type": "int", "default": 0},
            "purpose": {"type": "str", "choices": ["trials", "report"], "default": "trials"},
        },
    )
    study = Study.model_validate(module.params["study"])
    not_run = [NotRun.model_validate(row) for row in module.params["not_run"]]
    waiting = [NotRun.model_validate(row) for row in module.params["waiting"]]
    now = datetime.now(timezone.utc)
    for_report = module.params["purpose"] == "report"
    open_ = campaign_to_report if for_report else open_campaign
    results, pid = Path(module.params["results"]), module.params["owner_pid"]
    try:
        owner = this_owner(pid) if pid else None
        opened = open_(results, study, not_run, module.params["name"], now, owner=owner)
        if not for_report:
            with storage_errors(opened.directory):
                write_waiting(opened.directory, waiting)
            pilots_left = remaining_pilots(opened.directory, opened.campaign)
            opened.aside.extend(move_aside(opened.directory, pilots_left))
    except InputError as error:
        module.fail_json(msg=str(error))
    left = Counter(arm_booted(trial.cell.arm) for trial in opened.remaining)
    held = {row.arm for row in waiting}
    trials = [
        trial.model_dump(mode="json") | {"directory": trial.directory, "slug": trial.cell.slug}
        for trial in opened.remaining
        if arm_booted(trial.cell.arm) not in held
    ]
    pilots = [
        pilot.model_dump(mode="json")
        | {"directory": pilot.directory, "slug": pilot.cell.slug}
        | {"load": pilot_load(study, pilot.cell).model_dump(mode="json")}
        for pilot in remaining_pilots(opened.directory, opened.campaign)
        if arm_booted(pilot.cell.arm) not in held
    ]
    module.exit_json(
        changed=not opened.resumed,
        directory=str(opened.directory),
        name=opened.campaign.name,
        resumed=opened.resumed,
        aside=[str(path) for path in opened.aside],
        total=len(opened.campaign.runnable),
        pilots=pilots,
        trials=trials,
        waiting=[row.model_dump(mode="json") | {"trials": left[row.arm]} for row in waiting],
        study_reference={"name": study.name, "sha256": study.sha256, "seed": study.seed},
    )


if __name__ == "__main__":
    main()
