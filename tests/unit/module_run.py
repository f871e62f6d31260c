"""A module of the project, run by Ansible on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


def run(module: str, **options: Any) -> dict[str, Any]:
    """What the module returned; its state is ``result["_rc"]``."""
    command = [str(Path(sys.executable).with_name("ansible")), "-i", "localhost,", "-c", "local", "localhost"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}", "-m", module]
    command += ["-a", json.dumps(options)] if options else []
    environment = {"ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    environment |= {"HOME": str(Path.home()), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    found: dict[str, Any] = json.loads(done.stdout.partition(" => ")[2])
    return found | {"_rc": done.returncode, "_output": done.stdout + done.stderr}
