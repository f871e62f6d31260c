#!/usr/bin/python
"""Ansible module resource_cap."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_cap
short_description: Limit CPU and memory of a running instance, and read the limits back
version_added: "0.1.0"
description:
  - A container's limits are changed where they differ. A guest's are fixed at its start and only read.
  - Fails when, after that, the system itself states other limits than the wanted ones.
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
  cpus:
    description: CPUs' worth of time, or number of vCPUs.
    type: float
    required: true
  memory_mib:
    description: Memory.
    type: int
    required: true
  cpuset:
    description: CPU list that a container is bound to; empty for all.
    type: str
    default: ""
extends_documentation_fragment: [xenserver_connection]
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: One CPU and 256 MiB
  resource_cap:
    platform: docker
    name: instance
    cpus: 1
    memory_mib: 256
"""

RETURN = r"""
read_back:
  description: Every limit that was found, its kind, and the file or query that states it.
  returned: always
  type: list
  elements: dict
  sample:
    - {resource: cpu, kind: quota, source: /sys/fs/cgroup/x/cpu.max, value: 1.0, unit: cpus}
    - {resource: memory, kind: limit, source: /sys/fs/cgroup/x/memory.max, value: 268435456, unit: bytes}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import caps, qemu
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
            "cpus": {"type": "float", "required": True},
            "memory_mib": {"type": "int", "required": True},
            "cpuset": {"type": "str", "default": ""},
        },
        required_if=[("platform", "qemu", ["directory"]), ("platform", "xenserver", ["connection"])],
        supports_check_mode=True,
    )
    wanted = module.params
    changed = False
    try:
        if wanted["platform"] == "docker":
            engine = Engine()
            rows = caps.read_docker(engine, wanted["name"])
            faults = caps.differences(rows, wanted["cpus"], wanted["memory_mib"])
            if faults and not module.check_mode:
                resources = caps.docker_resources(wanted["cpus"], wanted["memory_mib"], wanted["cpuset"])
                engine.update(wanted["name"], resources)
                rows = caps.read_docker(engine, wanted["name"])
            changed = bool(faults)
        elif wanted["platform"] == "xenserver":
            rows = caps.read_xenserver(wanted["connection"], wanted["name"])
        else:
            rows = caps.read_qemu(qemu.Guest(wanted["name"], Path(wanted["directory"])))
        faults = caps.differences(rows, wanted["cpus"], wanted["memory_mib"])
    except LabError as error:
        module.fail_json(msg=str(error))
    if faults and not (module.check_mode and changed):
        module.fail_json(msg="The caps do not hold: " + "; ".join(faults), read_back=rows)
    module.exit_json(changed=changed, read_back=rows)


if __name__ == "__main__":
    main()
