#!/usr/bin/python
"""Ansible module json_settings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: json_settings
short_description: Settings merged into a JSON file that may have others
version_added: "0.2.0"
description:
  - Merges an object into a JSON file key by key. Keys that are not named keep their value.
  - The file as it was is kept beside it, with C(.before-unilab) appended, and the merged settings with
    C(.unilab.json) appended.
  - A later call with other settings undoes the earlier ones first.
options:
  path:
    description: The file. It is created where it does not exist.
    type: path
    required: true
  settings:
    description: The settings. Objects are merged, any other value replaces the one in the file.
    type: dict
    default: {}
  state:
    description: Whether the settings are in the file, or undone. What others have changed since then stays.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Reports whether the file would change.
  diff_mode:
    support: full
    description: Shows the file before and after.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Bound what a container logs
  json_settings:
    path: /etc/docker/daemon.json
    settings: {log-driver: local}
"""

RETURN = r"""
content_changed:
  description: Whether the file itself changed, so that its reader has to be restarted.
  returned: always
  type: bool
  sample: true
backup:
  description: The file as it was before; empty where there was none.
  returned: always
  type: str
  sample: /etc/docker/daemon.json.before-unilab
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts import json_settings


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "settings": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    try:
        if module.params["state"] == "present":
            change = json_settings.apply(path, module.params["settings"], module.check_mode)
        else:
            change = json_settings.remove(path, module.check_mode)
    except LabError as error:
        module.fail_json(msg=str(error))
    backup = json_settings.backup_of(path)
    module.exit_json(
        changed=change.changed,
        content_changed=change.before != change.after,
        backup=str(backup) if backup.exists() else "",
        diff={
            "before_header": str(path),
            "after_header": str(path),
            "before": change.before or "",
            "after": change.after or "",
        },
    )


if __name__ == "__main__":
    main()
