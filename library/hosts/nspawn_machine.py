#!/usr/bin/python
"""Ansible module nspawn_machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nspawn_machine
short_description: A machine of the one-machine laboratory as a systemd-nspawn container
version_added: "0.1.0"
description:
  - Boots a Debian root, which it does not write to, under a copy-on-write layer in a network namespace.
options:
  name:
    description: Host name of the machine.
    type: str
    required: true
  state:
    description: Booted, shut down, or shut down with all that it wrote removed.
    type: str
    choices: [started, stopped, absent]
    default: started
  namespace:
    description: Network namespace that the machine lives in.
    type: str
    required: true
  root:
    description: The Debian root, never written to.
    type: path
    required: true
  directory:
    description: Folder of the machine's own state.
    type: path
    required: true
  devices:
    description: Device nodes of the host that it may use, where they exist.
    type: list
    elements: path
    default: []
  cpus:
    description: CPU list that the machine is bound to; empty for all.
    type: str
    default: ""
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A client
  nspawn_machine:
    name: client
    namespace: unilab-client
    root: .lab/root
    directory: .lab/machines/client
"""

RETURN = r"""
log:
  description: The machine's console.
  returned: always
  type: str
  sample: .lab/machines/client/console.log
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.lab import nspawn


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["started", "stopped", "absent"],
                "default": "started",
            },
            "namespace": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "directory": {"type": "path", "required": True},
            "devices": {"type": "list", "elements": "path", "default": []},
            "cpus": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    machine = nspawn.Machine(
        name=wanted["name"],
        namespace=wanted["namespace"],
        root=Path(wanted["root"]).resolve(),
        directory=Path(wanted["directory"]).resolve(),
        devices=tuple(wanted["devices"]),
        cpus=wanted["cpus"],
    )
    state = wanted["state"]
    try:
        if module.check_mode:
            there = machine.directory.exists() if state == "absent" else nspawn.running(machine)
            module.exit_json(changed=there != (state == "started"), log=str(machine.log))
        if state == "started":
            changed = not nspawn.running(machine)
            if changed:
                nspawn.start(machine)
        else:
            changed = (nspawn.stop if state == "stopped" else nspawn.destroy)(machine)
        module.exit_json(changed=changed, log=str(machine.log))
    except LabError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
