#!/usr/bin/python
"""Ansible module qemu_accelerator."""

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_accelerator
short_description: Which accelerator really runs a guest on this machine
version_added: "0.1.0"
description:
  - Boots a Linux kernel under KVM with a time limit. Where it does not speak, the answer is TCG.
  - The answer is kept in a file and holds until the machine is booted again.
options:
  kernel:
    description: A Linux kernel with a serial console.
    type: path
    required: true
  timeout_s:
    description: How long the kernel may take until its first line.
    type: float
    default: 5
  cache:
    description: File that keeps the answer.
    type: path
    required: true
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Probe
  qemu_accelerator:
    kernel: /boot/vmlinuz
    cache: /var/lib/unilab/accelerator.json
  register: accelerator
"""

RETURN = r"""
accelerator:
  description: C(kvm) or C(tcg).
  returned: always
  type: str
  sample: tcg
why:
  description: What the choice rests on.
  returned: always
  type: str
  sample: /dev/kvm is not there or not ours to open
"""

import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.accelerator import probe


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "kernel": {"type": "path", "required": True},
            "timeout_s": {"type": "float", "default": 5},
            "cache": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    cache, boot = Path(module.params["cache"]), Path("/proc/sys/kernel/random/boot_id").read_text()
    try:
        kept = json.loads(cache.read_text())
        if kept["boot"] == boot:
            module.exit_json(changed=False, accelerator=kept["accelerator"], why=kept["why"])
    except (OSError, ValueError, KeyError):
        pass  # nothing kept, or not ours to read: probe again
    try:
        verdict = probe(Path(module.params["kernel"]), module.params["timeout_s"])
    except LabError as error:
        module.fail_json(msg=str(error))
    if not module.check_mode:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps({"boot": boot, "accelerator": verdict.name, "why": verdict.why}))
    module.exit_json(changed=False, accelerator=verdict.name, why=verdict.why)


if __name__ == "__main__":
    main()
