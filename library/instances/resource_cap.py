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
    choices: [docker, native, qemu, xenserver]
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
  reading:
    description:
      - What C(reading_script) of the module C(docker_instance) printed on the instance's host.
      - With it the module can run on another machine.
      - Without it the module reads on the machine that it runs on.
    type: str
  cpus:
    description: CPUs' worth of time, or number of vCPUs.
    type: float
    required: true
  memory_mib:
    description: Memory.
    type: int
    required: true
  cpuset:
    description: CPU list that the instance is bound to, such as V(0,2-3); empty for any.
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

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.caps import differences
from ansible.module_utils.unilab.platforms.registry import OPTIONS, REQUIRED_IF, instance_of


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **OPTIONS,
            "cpus": {"type": "float", "required": True},
            "memory_mib": {"type": "int", "required": True},
            "cpuset": {"type": "str", "default": ""},
        },
        required_if=REQUIRED_IF,
        supports_check_mode=True,
    )
    platform, host, instance = instance_of(module.params)
    cpus, memory_mib = module.params["cpus"], module.params["memory_mib"]
    changed = False
    try:
        rows = platform.read_caps(host, instance)
        faults = differences(rows, cpus, memory_mib, module.params["cpuset"])
        if faults and platform.changes_caps and module.params["reading"] is None:
            changed = True
            if not module.check_mode:
                platform.set_caps(host, instance, cpus, memory_mib, module.params["cpuset"])
                rows = platform.read_caps(host, instance)
                faults = differences(rows, cpus, memory_mib, module.params["cpuset"])
    except LabError as error:
        module.fail_json(msg=str(error))
    if faults and not (module.check_mode and changed):
        module.fail_json(msg="The caps do not hold: " + "; ".join(faults), read_back=rows)
    module.exit_json(changed=changed, read_back=rows)


if __name__ == "__main__":
    main()
