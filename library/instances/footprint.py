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

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.registry import OPTIONS, REQUIRED_IF, instance_of


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **OPTIONS,
            "when": {"type": "str", "choices": ["idle", "loaded"], "required": True},
        },
        required_if=REQUIRED_IF,
        supports_check_mode=True,
    )
    platform, host, instance = instance_of(module.params)
    try:
        found = platform.read_memory(host, instance)
    except LabError as error:
        module.fail_json(msg=str(error))
    when = module.params["when"]
    rows = [{"kind": row.kind, "source": row.source, "bytes": row.bytes, "when": when} for row in found]
    module.exit_json(changed=False, footprints=rows)


if __name__ == "__main__":
    main()
