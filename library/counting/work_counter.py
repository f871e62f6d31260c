#!/usr/bin/python
"""Ansible module work_counter."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_counter
short_description: Compile the QEMU plugin that counts a guest's instructions, and prove that it loads
version_added: "0.2.0"
description:
  - Runs where QEMU runs. The plugin is compiled once for each version of its source.
  - A plugin that cannot be compiled or loaded does not fail the task, because trials go on without counts.
options:
  source:
    description: The text of C(work_counter.c).
    type: str
    required: true
  directory:
    description: Where the plugin is kept.
    type: path
    default: /var/lib/unilab
attributes:
  check_mode:
    support: full
    description: Reports whether it would compile, and compiles nothing.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Compile the plugin
  work_counter:
    source: "{{ lookup('ansible.builtin.file', 'work_counter.c') }}"
  register: counter
"""

RETURN = r"""
plugin:
  description: Path of the plugin; empty where it does not load here.
  returned: always
  type: str
  sample: /var/lib/unilab/work_counter-0123456789ab.so
api_version:
  description: QEMU's version of the plugin interface, 0 where the plugin does not load.
  returned: always
  type: int
  sample: 1
why:
  description: Why the plugin does not load here, with the remedy; empty where it does.
  returned: always
  type: str
  sample: ""
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.counting import plugin
from ansible.module_utils.unilab.errors import LabError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "directory": {"type": "path", "default": "/var/lib/unilab"},
        },
        supports_check_mode=True,
    )
    source = module.params["source"].encode()
    path = plugin.installed_path(source, Path(module.params["directory"]))
    missing = not path.is_file()
    if missing and module.check_mode:
        module.exit_json(changed=True, plugin=str(path), api_version=0, why="")
    try:
        if missing:
            plugin.compile_plugin(source, path)
        version = plugin.probe(path)
    except LabError as error:
        why = f"instructions are not counted: {error}"
        module.warn(why)
        module.exit_json(changed=False, plugin="", api_version=0, why=why)
    module.exit_json(changed=missing, plugin=str(path), api_version=version, why="")


if __name__ == "__main__":
    main()
