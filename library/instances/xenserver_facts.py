#!/usr/bin/python
"""Ansible module xenserver_facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xenserver_facts
short_description: The facts of a XenServer or XCP-ng host, read by XAPI
version_added: "0.1.0"
description:
  - Logs in, looks up storage, network and template, and changes nothing.
options:
  connection:
    required: true
  sr:
    description: Storage repository, by name or uuid; empty for the pool's default.
    type: str
    default: ""
  network:
    description: Network, by name or uuid; empty for none.
    type: str
    default: ""
  host:
    description: Member of the pool that is described, by name, uuid or address; empty for the coordinator.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Reads only.
requirements: [XenAPI]
extends_documentation_fragment: [xenserver_connection]
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the facts of a host
  xenserver_facts:
    connection:
      hostname: xenserver.example.org
      password: "{{ vault_xenserver_password }}"
      ca_file: xapi-ssl.pem
    network: Pool-wide network associated with eth0
"""

RETURN = r"""
provenance:
  description: The facts that records keep, in the words of the module C(host_provenance).
  returned: always
  type: dict
  sample: {cpu: AMD EPYC, cpus: 8, kernel: 4.19.0+1, operating_system: XCP-ng 8.3.0, virtualization: xen}
host:
  description: The member that the facts are of.
  returned: always
  type: dict
  sample: {uuid: 7de6ef3a, name: xenserver, address: 192.0.2.10}
members:
  description: All members of the pool.
  returned: always
  type: list
  elements: dict
  sample: [{uuid: 7de6ef3a, name: xenserver, address: 192.0.2.10}]
accelerator:
  description: What runs virtual CPUs; C(xen), unless the host is the double of the tests.
  returned: always
  type: str
  sample: xen
cap_enforced:
  description: Whether CPU caps are enforced; true, unless the host is the double of the tests.
  returned: always
  type: bool
  sample: true
api_version:
  description: XAPI's version, two numbers.
  returned: always
  type: list
  elements: int
  sample: [2, 21]
sr:
  description: The storage repository.
  returned: always
  type: dict
  sample: {uuid: 3a1bd2c1, name: Local storage, type: ext, free_bytes: 68719476736}
network:
  description: The network; empty where none was given.
  returned: always
  type: dict
  sample: {uuid: 7de6ef3a, name: Pool-wide network associated with eth0, bridge: xenbr0}
template:
  description: Whether the template that guests are created from exists.
  returned: always
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.facts import facts_of
from ansible.module_utils.unilab.platforms.xenserver.session import OPTION, Login, session


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "connection": {**OPTION, "required": True},
            "sr": {"type": "str", "default": ""},
            "network": {"type": "str", "default": ""},
            "host": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        with session(Login.of(module.params["connection"])) as xapi:
            facts = facts_of(xapi, *(module.params[key] for key in ("sr", "network", "host")))
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **facts)


if __name__ == "__main__":
    main()
