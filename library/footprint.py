#!/usr/bin/python
"""Ansible module footprint."""

from __future__ import annotations

DOCUMENTATION = r"""
module: footprint
short_description: Memory of a running instance, by every kind that the platform offers
version_added: "0.1.0"
description:
  - Reads memory figures of a container or guest and changes nothing.
options:
  platform:
    description: What runs the instance.
    type: str
    choices: [docker, qemu, xenserver]
    required: true
  name:
    description: Name of the container or guest.
    type: str
    required: true
  directory:
    description: State directory of the guest (qemu).
    type: path
  connection:
    description: Address, account and certificate of XAPI; needed with platform C(xenserver).
  when:
    description: What the instance has been through, kept with each figure.
    type: str
    choices: [idle, loaded]
    required: true
extends_documentation_fragment: [xenserver_connection]
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Memory after the load
  footprint:
    platform: qemu
    name: instance
    directory: /var/lib/unilab/guests/instance
    when: loaded
"""

RETURN = r"""
footprints:
  description: One row per kind, in bytes.
  returned: always
  type: list
  elements: dict
  sample:
    - {kind: docker_stats, source: memory.current - memory.stat:inactive_file, bytes: 4812800, when: loaded}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import memory, qemu
from ansible.module_utils.unilab.platforms.docker_engine import Engine
from ansible.module_utils.unilab.platforms.xenserver.session import OPTION


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "platform": {"type": "str", "choices": ["docker", "qemu", "xenserver"], "required": True},
            "name": {"type": "str", "required": True},
            "directory": {"type": "path"},
            "connection": OPTION,
            "when": {"type": "str", "choices": ["idle", "loaded"], "required": True},
        },
        required_if=[("platform", "qemu", ["directory"]), ("platform", "xenserver", ["connection"])],
        supports_check_mode=True,
    )
    name, when = module.params["name"], module.params["when"]
    try:
        if module.params["platform"] == "docker":
            rows = memory.of_docker(Engine(), name, when)
        elif module.params["platform"] == "xenserver":
            rows = memory.of_xenserver(module.params["connection"], name, when)
        else:
            rows = memory.of_qemu(qemu.Guest(name, Path(module.params["directory"])), when)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, footprints=rows)


if __name__ == "__main__":
    main()
