#!/usr/bin/python
"""Ansible module apt_source."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_source
short_description: A repository of apt that is named once, whatever files named it before
version_added: "0.2.0"
description:
  - Writes the repository into a file of its own below C(/etc/apt/sources.list.d).
  - Entries of the same repository in other files are disabled by a comment. apt refuses every repository of a
    host where two entries name one with different keys.
options:
  name:
    description: Name of the file, without C(.sources).
    type: str
    required: true
  uri:
    description: Address of the repository.
    type: str
  suite:
    description: Suite, for example C(bookworm).
    type: str
  components:
    description: Components of the suite.
    type: list
    elements: str
    default: [main]
  signed_by:
    description: File with the key that signs the repository.
    type: path
  state:
    description: C(absent) removes the file and enables the entries that were disabled.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Reports which files would change.
  diff_mode:
    support: full
    description: Shows each file before and after.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Docker's own repository
  apt_source:
    name: unilab-docker
    uri: https://download.docker.com/linux/debian
    suite: bookworm
    components: [stable]
    signed_by: /etc/apt/keyrings/unilab-docker.asc
"""

RETURN = r"""
files:
  description: Files that were changed, created or removed.
  returned: always
  type: list
  elements: str
  sample: [/etc/apt/sources.list.d/docker.list, /etc/apt/sources.list.d/unilab-docker.sources]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts import apt_sources
from ansible.module_utils.unilab.hosts.files import read_text, write_text


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "uri": {"type": "str"},
            "suite": {"type": "str"},
            "components": {"type": "list", "elements": "str", "default": ["main"]},
            "signed_by": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["uri", "suite", "signed_by"])],
        supports_check_mode=True,
    )
    own = apt_sources.FOLDER / "sources.list.d" / f"{module.params['name']}.sources"
    try:
        wanted = _wanted(module.params, own)
        before = {path: read_text(path) for path in wanted}
        changed = {path: text for path, text in wanted.items() if text != before[path]}
        if not module.check_mode:
            for path, text in changed.items():
                _put(path, text)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(changed),
        files=sorted(map(str, changed)),
        diff=[
            {
                "before_header": str(path),
                "after_header": str(path),
                "before": before[path] or "",
                "after": text or "",
            }
            for path, text in changed.items()
        ],
    )


def _wanted(params: dict[str, Any], own: Path) -> dict[Path, str | None]:
    """Each file to its text, None for no file; the own file last, so that no moment has two entries."""
    if params["state"] == "absent":
        return {own: None, **apt_sources.enabled()}
    repository = apt_sources.Repository(params["uri"], params["suite"])
    text = apt_sources.entry(repository, params["components"], params["signed_by"])
    return {**apt_sources.disabled(repository, own), own: text}


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_text(path, text)


if __name__ == "__main__":
    main()
