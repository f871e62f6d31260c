#!/usr/bin/python
"""Ansible module lab_network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_network
short_description: The network of the one-machine laboratory
version_added: "0.1.0"
description:
  - Joins machines by a bridge, all in network namespaces of their own.
  - The user's own network namespace is left as it is.
options:
  lab:
    description: Name of the laboratory, the prefix of every namespace.
    type: str
    required: true
  owner:
    description:
      - Folder of the laboratory. With it, a network of this name of another laboratory is refused.
      - Empty for no check.
    type: str
    default: ""
  state:
    description: Whether the network exists.
    type: str
    choices: [present, absent]
    default: present
  gateway:
    description: Address and prefix length of the switch, for example C(10.77.0.1/24).
    type: str
  ports:
    description: The machines on the switch.
    type: list
    elements: dict
    default: []
    suboptions:
      machine:
        description: Name of the machine.
        type: str
        required: true
      address:
        description: Its address and prefix length.
        type: str
        required: true
      bridged:
        description: Put the address on a bridge, so that the machine's guests join the network.
        type: bool
        default: false
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Two machines on one switch
  lab_network:
    lab: unilab
    gateway: 10.77.0.1/24
    ports:
      - {machine: client, address: 10.77.0.10/24}
      - {machine: qemu-host, address: 10.77.0.11/24, bridged: true}
"""

RETURN = r"""
missing:
  description: Namespaces that had to be made.
  returned: state is present
  type: list
  sample: [unilab-client]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.lab import network as lab_network


def main() -> None:
    """Run the module."""
    port = {
        "machine": {"type": "str", "required": True},
        "address": {"type": "str", "required": True},
        "bridged": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            "lab": {"type": "str", "required": True},
            "owner": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "gateway": {"type": "str"},
            "ports": {"type": "list", "elements": "dict", "default": [], "options": port},
        },
        required_if=[("state", "present", ["gateway"])],
        supports_check_mode=True,
    )
    lab, owner = module.params["lab"], module.params["owner"]
    ports = [lab_network.Port(**row) for row in module.params["ports"]]
    try:
        if module.params["state"] == "absent":
            module.exit_json(changed=not module.check_mode and lab_network.absent(lab, owner))
        lab_network.require_owner(lab, owner)
        missing = lab_network.missing(lab, ports)
        if module.check_mode:
            module.exit_json(changed=bool(missing), missing=missing)
        changed = lab_network.present(lab, module.params["gateway"], ports, owner)
        module.exit_json(changed=changed, missing=missing)
    except LabError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
