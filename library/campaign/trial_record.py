#!/usr/bin/python
"""Ansible module trial_record."""

from __future__ import annotations

DOCUMENTATION = r"""
module: trial_record
short_description: Create the record of a trial, whole or not at all
version_added: "0.1.0"
description:
  - Runs on the controller. Decides from the results of the steps how the trial ended.
  - A record that exists is never overwritten. C(SHA256SUMS) beside it has the checksums of the trial.
options:
  path:
    description: Where C(trial.json) goes.
    type: path
    required: true
  facts:
    description: What is known in advance; see C(contracts/outcome.py).
    type: dict
    required: true
  steps:
    description: Results of the steps by name.
    type: dict
    required: true
  marks:
    description:
      - Each phase of the trial and when it ended, in seconds since the epoch by the controller's clock.
      - Without them the record has no phases.
    type: list
    elements: list
    default: []
  owner_pid:
    description: The process that locked the campaign, which has to hold the lock still; 0 for no check.
    type: int
    default: 0
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Write the record
  trial_record:
    path: results/demo/trials/0001-todos-go-docker/trial.json
    facts: "{{ facts }}"
    steps: {start: "{{ start }}"}
"""

RETURN = r"""
end:
  description: How the trial ended.
  returned: always
  type: dict
  sample: {state: completed, why: ""}
pilot:
  description: Whether it was a pilot, which finds how long its cell warms up.
  returned: always
  type: bool
  sample: false
summary:
  description: The trial in one line.
  returned: always
  type: str
  sample: todos-go docker boot 1, completed, 412 requests/s
"""

import os
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.images.osv.boot_chart import phases_ms
from pydantic import ValidationError

from contracts.errors import InputError
from contracts.outcome import phases_s, record_of
from contracts.store.folder import write_record
from contracts.store.lock import require, this_owner
from contracts.trial import TrialRecord
from contracts.warm_up import PILOTS
from contracts.work.step import work_step


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "facts": {"type": "dict", "required": True},
            "steps": {"type": "dict", "required": True},
            "marks": {"type": "list", "elements": "list", "default": []},
            "owner_pid": {"type": "int", "default": 0},
        },
    )
    # A pilot's path leads through the folder of the trials, which may not exist yet.
    path = Path(os.path.normpath(module.params["path"]))
    facts = module.params["facts"] | {"ended_at": datetime.now(timezone.utc)}
    try:
        steps = module.params["steps"]
        record = record_of(facts, steps, phases_ms(_console(path.parent)))
        work, why = work_step(steps.get("work", {}), steps.get("start", {}), record.load, path.parent)
        record = record.model_copy(
            update={"work": work, "why_no_work": why, "phases_s": _phases_s(module, record)}
        )
    except (ValidationError, KeyError) as error:
        module.fail_json(msg=f"a step of the trial returned what a record cannot hold: {error}")
    try:
        if pid := module.params["owner_pid"]:
            require(path.parent.parent.parent, this_owner(pid))
        write_record(path, record)
    except InputError as error:
        module.fail_json(msg=str(error))
    summary = f"{record.cell.service} {record.cell.arm} boot {record.block + 1}, {record.end.state}"
    if record.not_stopped:
        summary += f" (its instance was not ended: {record.not_stopped})"
    if record.load and record.end.state == "completed":
        summary += f", {record.load.throughput_per_s:.4g} requests/s"
    elif record.end.why:
        summary += f" ({record.end.why})"
    module.exit_json(
        changed=False,
        end=record.end.model_dump(),
        summary=summary,
        pilot=path.parent.parent.name == PILOTS,
    )


def _phases_s(module: AnsibleModule, record: TrialRecord) -> dict[str, float]:
    marks = [(str(name), float(at_s)) for name, at_s in module.params["marks"]]
    return phases_s(record.started_at.timestamp(), marks, record.ended_at.timestamp()) if marks else {}


def _console(folder: Path) -> str:
    """What the trial's guest printed, "" for an instance that has no console."""
    path = folder / "console.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


if __name__ == "__main__":
    main()
