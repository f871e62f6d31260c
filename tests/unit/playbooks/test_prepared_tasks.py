"""playbooks/tasks/prepared.yml on this machine: a role runs once, and again where its stamp is void."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]

# Tasks of a role that change nothing, and set a fact.
APPLIED = "TASK [trial : Describe the host]"


class Host:
    """This machine as a host; its stamps and the file that they watch are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.watched = folder, folder / "watched"
        self.watched.write_text("tool")

    def run(self, *arguments: str, check: bool = True, **variables: object) -> tuple[str, Any]:
        """Run the tasks in a play of their own; return the output, and the fact that they leave."""
        fact = self.folder / "fact.json"
        fact.unlink(missing_ok=True)
        values = {
            "prepared_role": "trial",
            "prepared_from": "describe",
            "prepared_name": "described",
            "prepared_folder": str(self.folder / "stamps"),
            "prepared_restored": False,
            "prepared_facts": ["host_facts"],
            "prepared_files": [str(self.watched)],
            "trial_programs": [],
        }
        tasks = [
            {
                "ansible.builtin.include_tasks": {
                    "file": str(PROJECT / "playbooks/tasks/prepared.yml"),
                    "apply": {"tags": "always"},
                },
                "tags": ["trial", "report"],
            },
            {
                "ansible.builtin.copy": {
                    "content": "{{ host_facts | to_json }}",
                    "dest": str(fact),
                    "mode": "0644",
                },
                "changed_when": False,
                "tags": "always",
            },
        ]
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": values | variables | {"ansible_python_interpreter": sys.executable},
            "tasks": tasks,
        }
        (self.folder / "play.yml").write_text(json.dumps([play]))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", *arguments]
        done = subprocess.run(
            [*command, str(self.folder / "play.yml")],
            cwd=PROJECT,
            env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) == check, done.stdout + done.stderr
        return done.stdout, json.loads(fact.read_text()) if fact.exists() else None


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_role_runs_once_and_its_facts_stay(host: Host) -> None:
    first, facts = host.run()
    assert APPLIED in first and facts["provenance"]["kernel"] == os.uname().release
    second, kept = host.run()
    assert APPLIED not in second and kept["provenance"] == facts["provenance"]
    assert "changed=0" in second


def test_role_runs_again_where_an_input_or_a_file_changed(host: Host) -> None:
    host.run()
    assert APPLIED in host.run(prepared_inputs=["another tree"])[0]
    assert APPLIED not in host.run(prepared_inputs=["another tree"])[0]
    host.watched.write_text("a newer tool")
    assert APPLIED in host.run(prepared_inputs=["another tree"])[0]


def test_role_that_is_named_by_a_tag_always_runs(host: Host) -> None:
    host.run()
    assert APPLIED in host.run("--tags", "trial")[0]
    assert APPLIED not in host.run("--tags", "report")[0]


def test_role_that_fails_leaves_no_stamp(host: Host) -> None:
    host.run()
    failed, _ = host.run(check=False, prepared_inputs=["new"], trial_programs=[[]])
    assert APPLIED in failed
    # With the inputs of the stamp that was there before: what the failed role did is not known.
    assert APPLIED in host.run()[0]


def test_check_mode_neither_trusts_nor_writes_a_stamp_of_its_own(host: Host) -> None:
    host.run("--check")
    assert not (host.folder / "stamps/described.json").exists()
