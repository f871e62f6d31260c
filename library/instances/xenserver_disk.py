#!/usr/bin/python
"""Ansible module xenserver_disk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xenserver_disk
short_description: A disk image on a XenServer or XCP-ng host, uploaded once
version_added: "0.1.0"
description:
  - Streams a raw disk or a dynamic VHD from the machine that runs the module into a storage repository.
  - A disk of the same content is not uploaded again; one of another content is replaced. The hash is kept in
    the VDI's other_config.
  - An upload that fails or is interrupted leaves no disk.
options:
  connection:
    required: true
  name:
    description: Name of the disk. Disks of this name that unilab did not create are not changed.
    type: str
    required: true
  path:
    description: The image; raw or dynamic VHD, detected from its content.
    type: path
  sr:
    description: Storage repository, by name or uuid; empty for the pool's default.
    type: str
    default: ""
  state:
    description: Whether the disk exists.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    description: Reports whether the disk would be uploaded or removed.
  diff_mode:
    support: full
    description: Shows hash and size.
requirements: [XenAPI]
extends_documentation_fragment: [xenserver_connection]
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Upload an image
  xenserver_disk:
    connection:
      hostname: xenserver.example.org
      password: "{{ vault_xenserver_password }}"
      ca_file: xapi-ssl.pem
    name: unilab-todos-go
    path: .cache/images/todos-go.osv.raw
"""

RETURN = r"""
uuid:
  description: Of the disk; empty where there is none.
  returned: always
  type: str
  sample: 3a1bd2c1-c7de-6ef3-a4e1-e0f4d5c6b7a8
sha256:
  description: Hash of the image.
  returned: state is present
  type: str
  sample: a3f5d0e8f67d0b6c6b8a4a1bd2c1c7de6ef3a4e1e0f4d5c6b7a8990a6e4ec0b0
format:
  description: What was sent, raw or vhd.
  returned: state is present
  type: str
  sample: raw
virtual_size_bytes:
  description: Size of the disk, by XenServer.
  returned: the disk exists
  type: int
  sample: 8388608
sent_bytes:
  description: Bytes that were sent; 0 where the disk existed.
  returned: always
  type: int
  sample: 8388608
upload_s:
  description: How long that took, in seconds.
  returned: a disk was uploaded
  type: float
  sample: 1.7
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver import disk, places
from ansible.module_utils.unilab.platforms.xenserver.session import OPTION, Login, Xapi, session

PROGRESS_STEP = 0.1


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "connection": {**OPTION, "required": True},
            "name": {"type": "str", "required": True},
            "path": {"type": "path"},
            "sr": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["path"])],
        supports_check_mode=True,
    )
    try:
        image = disk.read_image(Path(module.params["path"])) if module.params["state"] == "present" else None
        with session(Login.of(module.params["connection"])) as xapi:
            sr = places.storage(xapi, module.params["sr"])
            result = _present(module, xapi, sr, image) if image else _absent(module, xapi, sr)
    except LabError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def _present(module: AnsibleModule, xapi: Xapi, sr: str, image: disk.Image) -> dict[str, Any]:
    name, sha256 = module.params["name"], image.sha256
    found = disk.find(xapi, name, sr, sha256)
    result: dict[str, Any] = {
        "changed": bool(found.stale) or not found.complete,
        "uuid": found.record.get("uuid", ""),
        "sha256": sha256,
        "format": image.format,
        "sent_bytes": 0,
        "diff": {
            "before": {"sha256": sha256 if found.complete else "", "stale_disks": len(found.stale)},
            "after": {"sha256": sha256, "stale_disks": 0},
        },
    }
    if not module.check_mode:
        for ref in found.stale:
            disk.destroy(xapi, ref)
        if not found.complete:
            began_s = time.monotonic()
            ref, result["sent_bytes"] = disk.create(xapi, name, sr, image, _progress(module, name))
            result["upload_s"] = round(time.monotonic() - began_s, 3)
            found = disk.Found(ref, xapi.call.VDI.get_record(ref), [])
            result["uuid"] = found.record["uuid"]
    if found.complete:
        result["virtual_size_bytes"] = int(found.record["virtual_size"])
    return result


def _absent(module: AnsibleModule, xapi: Xapi, sr: str) -> dict[str, Any]:
    stale = disk.find(xapi, module.params["name"], sr, "").stale
    for ref in [] if module.check_mode else stale:
        disk.destroy(xapi, ref)
    diff = {"before": {"disks": len(stale)}, "after": {"disks": 0}}
    return {"changed": bool(stale), "uuid": "", "sent_bytes": 0, "diff": diff}


def _progress(module: AnsibleModule, name: str) -> Callable[[float], None]:
    """Write each tenth to the system's log: a module has no output before its end."""
    logged = 0.0

    def progress(done: float) -> None:
        nonlocal logged
        if done >= logged + PROGRESS_STEP or (done == 1 and logged < 1):
            logged = done
            module.log(f"upload of {name}: {done:.0%}")

    return progress


if __name__ == "__main__":
    main()
