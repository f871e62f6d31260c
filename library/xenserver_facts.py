#!/usr/bin/python
"""Ansible module xenserver_facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xenserver_facts
short_description: What a XenServer or XCP-ng host is and has, asked of XAPI
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
    description: Network, by name or uuid; empty to ask for none.
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
- name: Ask
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
accelerator:
  description: What runs virtual CPUs; only a double says other than C(xen).
  returned: always
  type: str
  sample: xen
cap_enforced:
  description: Whether a CPU cap binds; only a double says no.
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
  description: The network; empty where none was asked for.
  returned: always
  type: dict
  sample: {uuid: 7de6ef3a, name: Pool-wide network associated with eth0, bridge: xenbr0}
template:
  description: Whether the template that guests are made from is there.
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
        },
        supports_check_mode=True,
    )
    try:
        with session(Login.of(module.params["connection"])) as xapi:
            facts = facts_of(xapi, module.params["sr"], module.params["network"])
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **facts)


if __name__ == "__main__":
    main()
