"""Shared ssh connections: one for each host, in delegated tasks too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3]
LAB_MACHINES = PROJECT / "inventories/local/group_vars/lab_machines.yml"
MOLECULE = PROJECT / ".config/molecule/config.yml"


def control_path(file: Path) -> str:
    """The value of ansible_control_path in ``file``."""
    (line,) = [
        line for line in file.read_text().splitlines() if line.strip().startswith("ansible_control_path:")
    ]
    return str(yaml.safe_load(line)["ansible_control_path"])


@pytest.mark.parametrize("file", [LAB_MACHINES, MOLECULE], ids=["laboratory", "molecule"])
def test_delegated_tasks_use_a_connection_for_each_host(tmp_path: Path, file: Path) -> None:
    """A double of ssh writes down its control path; tasks are delegated from one host to two others."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        "#!/bin/sh\n"
        "for word; do case $word in ControlPath=*) path=$word;; esac; host=$last; last=$word; done\n"
        f'case "$*" in *-O*) exit 0;; esac\necho "$path $*" >> {tmp_path}/asked\n'
    )
    ssh.chmod(0o755)
    machines = {
        name: {"ansible_host": address} for name, address in (("first", "192.0.2.1"), ("second", "192.0.2.2"))
    }
    variables = {
        "ansible_ssh_executable": str(ssh),
        "ansible_control_path": control_path(file),
        "__lab_name": "lab",
        "molecule_connections": str(tmp_path / "connection"),
    }
    inventory = {"all": {"children": {"machines": {"hosts": machines, "vars": variables}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    task = {"ansible.builtin.raw": "true", "delegate_to": "{{ item }}", "loop": ["first", "second"]}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    playbook = Path(sys.executable).with_name("ansible-playbook")
    command = [playbook, "-i", tmp_path / "hosts.yml", tmp_path / "play.yml"]
    done = subprocess.run(
        command, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    asked = [line.split(" ", 1) for line in (tmp_path / "asked").read_text().splitlines()]
    # What stands for the host in ssh_config(5): ssh itself fills it in, by where it really connects to.
    paths = {
        path.strip('"').replace("%h", "192.0.2.1" if "192.0.2.1" in rest else "192.0.2.2")
        for path, rest in asked
    }
    assert len(asked) == 2 and len(paths) == 2, asked
