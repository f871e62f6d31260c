#!/usr/bin/python
"""Ansible module host_provenance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_provenance
short_description: What a host is, as far as it can shape a measurement
version_added: "0.1.0"
description:
  - Reads a few files and versions. Ansible's own fact gathering takes ten seconds and more on an
    emulated CPU and still lacks microcode, governor and hypervisor.
options:
  programs:
    description: Programs whose version line is wanted.
    type: list
    elements: list
    default: []
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Ask
  host_provenance:
    programs: [[qemu-system-x86_64, --version]]
"""

RETURN = r"""
provenance:
  description: The facts.
  returned: always
  type: dict
  sample:
    cpu: AMD EPYC
    cpus: 2
    microcode: "0x1"
    governor: none
    kernel: 6.1.0
    virtualization: kvm
    quiet: {held: [docker.io], stopped: [apt-daily.timer]}
    memory_bytes: 4110417920
    memory_in_use_bytes: 412876800 # MemTotal less MemAvailable: the host's own, while no instance runs
"""

import os
import platform
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.health import meminfo, os_release, text_of
from ansible.module_utils.unilab.hosts.quiet import Host, Quiet


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"programs": {"type": "list", "elements": "list", "default": []}},
        supports_check_mode=True,
    )
    cpu, memory = _cpuinfo(), meminfo()
    provenance = {
        "cpu": cpu.get("model name", platform.processor()),
        "cpus": os.cpu_count(),
        "cpu_mhz": cpu.get("cpu MHz", "unknown"),
        "microcode": cpu.get("microcode", "unknown"),
        "governor": text_of(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or "none",
        "kernel": platform.release(),
        "operating_system": os_release().get("PRETTY_NAME", "unknown"),
        "virtualization": _said(["systemd-detect-virt"]) or "unknown",
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "memory_in_use_bytes": memory["MemTotal"] - memory["MemAvailable"],
        "python": platform.python_version(),
        "quiet": _quiet(),
        "versions": {argv[0].rpartition("/")[2]: _said(argv) for argv in module.params["programs"]},
    }
    module.exit_json(changed=False, provenance=provenance)


def _quiet() -> dict[str, Any]:
    """What the module quiet_host changed for the campaign; empty lists where it changed nothing."""
    try:
        return asdict(Host().recorded() or Quiet([], []))
    except LabError as error:
        return {"error": str(error)}


def _cpuinfo() -> dict[str, str]:
    """Fields of the first processor in /proc/cpuinfo."""
    first = text_of(Path("/proc/cpuinfo")).split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _said(argv: list[str]) -> str:
    if shutil.which(argv[0]) is None:
        return ""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return (done.stdout.strip() or done.stderr.strip()).split("\n")[0]


if __name__ == "__main__":
    main()
