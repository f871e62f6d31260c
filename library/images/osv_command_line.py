#!/usr/bin/python
"""Ansible module osv_command_line."""

from __future__ import annotations

DOCUMENTATION = r"""
module: osv_command_line
short_description: The command line of an OSv disk that boots by itself
version_added: "0.1.0"
description:
  - Replaces the command line in the disk's own sectors, without making the disk again, so that
    each instance gets its address, environment and nonce.
  - The record that the module C(capstan_image) keeps beside a disk then no longer fits, so give it a copy.
options:
  path:
    description: A raw disk, or a dynamic VHD or qcow2 whose first sectors are not compressed.
    type: path
    required: true
  command_line:
    description: The new command line, at most 1023 bytes.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: Reports whether the disk has another command line.
  diff_mode:
    support: full
    description: Shows both command lines.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Give an instance its address
  osv_command_line:
    path: /var/lib/unilab/guests/instance/disk.raw
    command_line: --ip=eth0,10.77.0.100,255.255.255.0 --defaultgw=10.77.0.1 /app/server
"""

RETURN = r"""
path:
  description: The disk.
  returned: success
  type: str
  sample: /var/lib/unilab/guests/instance/disk.raw
before:
  description: The command line that it had.
  returned: success
  type: str
  sample: /app/server
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.osv.command_line import (
    command_line_sectors,
    read_command_line,
    set_command_line,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "command_line": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, wanted = Path(module.params["path"]), module.params["command_line"]
    try:
        command_line_sectors(wanted, path)
        before = read_command_line(path)
        changed = before != wanted if module.check_mode else set_command_line(path, wanted)
    except LabError as error:
        module.fail_json(msg=str(error))
    diff = {"before": f"{before}\n", "after": f"{wanted}\n"} if module._diff and changed else {}
    module.exit_json(changed=changed, path=str(path), before=before, diff=diff)


if __name__ == "__main__":
    main()
