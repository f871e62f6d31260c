"""Tasks of the role trial on this machine, with a double of the load: a load's result is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.assembly.load import Clients, Expected, Run, Target, load_command
from contracts.loads import Load
from contracts.workload import WORKLOADS

PROJECT = Path(__file__).resolve().parents[3]
OLD = {"outcome": {"state": "completed", "why": "an earlier boot"}}
NEW = {"outcome": {"state": "completed", "why": "this boot"}}


def load_step(tmp_path: Path, program: str) -> dict[str, Any]:
    """Run tasks/load.yml with ``program``, a shell script, as the load; return the step that is recorded.

    The folder of an earlier load's results is there on the client.
    """
    output, directory = tmp_path / "output", tmp_path / "trial"
    output.mkdir()
    directory.mkdir()
    (output / "load.json").write_text(json.dumps(OLD))
    (output / "latency.hlog").write_text("an earlier boot's")
    expected = Expected("nonce", "n", "a", 1)
    target, clients = Target("127.0.0.1", 8080, expected, {}), Clients(str(tmp_path), 1)
    load = Load(users=1, warm_up_s=0, duration_s=1)
    whole = load_command(load, WORKLOADS["todos"], target, clients, Run(1.0, 1, str(output)))
    clean = whole[: whole.index(str(output)) + 1]  # before the load's own program
    command = [*clean, "sh", "-c", program, "sh", str(output)]
    assembled = {
        "load": {"command": command, "worker": [], "processes": 1, "patience_s": 60, "output": str(output)},
        "directory": str(directory),
        "arm": {"platform": "docker", "runtime": "docker"},
    }
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.include_role": {"name": "trial", "tasks_from": "load"}},
        {
            "ansible.builtin.copy": {
                "content": "{{ trial_load | to_json }}",
                "dest": str(tmp_path / "step.json"),
                "mode": "0644",
            }
        },
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"trial_assembled": assembled, "trial_client": "client", "trial_host": "localhost"},
        "tasks": tasks,
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    groups = {"load_clients": {"hosts": {"client": {}}}, "controllers": {"hosts": {"localhost": {}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": local, "children": groups}}))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            *("-i", tmp_path / "hosts.yml", tmp_path / "play.yml"),
        ],
        cwd=PROJECT,
        env=os.environ | {"ANSIBLE_ROLES_PATH": str(PROJECT / "roles")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    step: dict[str, Any] = json.loads((tmp_path / "step.json").read_text())
    return step


def test_result_of_a_load_is_recorded(tmp_path: Path) -> None:
    program = f'mkdir "$1"; echo \'{json.dumps(NEW)}\' > "$1/load.json"; echo log > "$1/latency.hlog"'
    assert load_step(tmp_path, program)["produced"] == NEW
    assert (tmp_path / "trial/latency.hlog").read_text() == "log\n"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("echo started >&2; echo 'no such option: --users' >&2; exit 2", "no such option: --users"),
        ("exit 1", "non-zero return code"),
        ("kill -KILL $$", "non-zero return code"),
    ],
)
def test_load_that_cannot_start_has_no_result_of_an_earlier_boot(
    tmp_path: Path, program: str, message: str
) -> None:
    step = load_step(tmp_path, program)
    # ansible-core 2.21 writes its own message as a sentence.
    assert set(step) == {"produced", "msg"} and step["produced"] is None
    assert message in step["msg"]
    assert list((tmp_path / "trial").iterdir()) == []
