#!/usr/bin/python
"""Ansible module host_health."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_health
short_description: What can be wrong with a host that is measured on
version_added: "0.2.0"
description:
  - Reads facts from the host's kernel. The command C(unilab doctor) judges them on the controller.
options:
  folders:
    description: Folders whose free space is wanted.
    type: list
    elements: path
    default: [/var/lib]
  groups:
    description: Groups of the host, returned as they are.
    type: list
    elements: str
    default: []
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the host's state
  host_health:
    groups: "{{ group_names }}"
"""

RETURN = r"""
health:
  description: The facts.
  returned: always
  type: dict
  sample:
    cpus: 2
    load_1min: 0.1
    governors: [performance]
    memory_available_bytes: 4110417920
    swap_used_bytes: 0
    free_bytes: {/var/lib: 20401094656}
    interface: eth0
    mtu: 1500
    speed_mbit_per_s: 1000
    has_kvm: true
    is_root: true
    system: Debian
    release: "12"
    python: 3.11.2
    groups: [qemu_hosts]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.hosts.health import health_of


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "list", "elements": "path", "default": ["/var/lib"]},
            "groups": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    health = health_of(module.params["folders"])
    module.exit_json(changed=False, health=health | {"groups": module.params["groups"]})


if __name__ == "__main__":
    main()
