#!/usr/bin/python
"""Ansible module osv_release."""

from __future__ import annotations

DOCUMENTATION = r"""
module: osv_release
short_description: Download OSv's published kernel once, and refuse another under its name
version_added: "0.2.0"
description:
  - Runs on the controller. The hash of the first download is pinned; a later download must have it.
  - A kernel that cannot be had does not fail the task, because a study goes on without OSv.
options:
  release:
    description: The file that names the release, C(requirements/osv.json).
    type: path
    required: true
  directory:
    description: Where downloads are kept.
    type: path
    required: true
  lock:
    description: The file of pinned hashes, beside the results.
    type: path
    required: true
  download:
    description: Whether to download a kernel that is not there yet.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Uses a kernel that was downloaded before, and downloads nothing.
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Download OSv's published kernel
  osv_release:
    release: requirements/osv.json
    directory: .cache/osv
    lock: results/osv.lock.json
  register: osv
"""

RETURN = r"""
path:
  description: The unpacked kernel; empty where it cannot be had.
  returned: always
  type: str
  sample: /srv/unilab/.cache/osv/0123456789ab-osv-loader.elf.x86_64
why:
  description: Why it cannot be had; empty where it was.
  returned: always
  type: str
  sample: ""
summary:
  description: One line for people, with release, size, origin and hash.
  returned: always
  type: str
  sample: OSv v0.57.0, 2.9 MB from https://host/file, SHA-256 0123, first download, pinned from now on
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.images.osv import release as osv_release

from contracts.errors import InputError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "path", "required": True},
            "directory": {"type": "path", "required": True},
            "lock": {"type": "path", "required": True},
            "download": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        release = osv_release.read_release(Path(module.params["release"]))
        folder, lock = Path(module.params["directory"]), Path(module.params["lock"])
        kernel = osv_release.cached(release, folder, lock)
        if kernel is None and (module.check_mode or not module.params["download"]):
            why = "its published kernel was not downloaded yet"
            module.exit_json(changed=False, path="", why=why, summary=f"OSv is not run: {why}")
        kernel = kernel or osv_release.fetch(release, folder, lock)
    except InputError as error:
        module.fail_json(msg=str(error))
    except osv_release.DownloadError as error:
        module.exit_json(changed=False, path="", why=str(error), summary=f"OSv is not run: {error}")
    pin = f"same as {kernel.pinned_by}" if kernel.pinned_by else "first download, pinned from now on"
    size_mb = kernel.size_bytes / 1e6
    summary = f"OSv {kernel.release}, {size_mb:.1f} MB from {kernel.url}, SHA-256 {kernel.sha256}, {pin}"
    module.exit_json(changed=kernel.downloaded, path=str(kernel.path), why="", summary=summary)


if __name__ == "__main__":
    main()
