"""README's section on three machines, as it is written there, and each role's tag alone.

The three machines are those of the one-machine laboratory, reached by ssh only, from an inventory outside the
project's folder, which holds groups, addresses and credentials, and what spares this machine. This file comes
before test_one_machine.py and leaves the laboratory running for it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from documented import PROJECT, Command, commands
from laboratory import LAB, needs_root, play

from contracts.campaign import read_campaign, read_records

pytestmark = needs_root

SECTION = [command for command in commands(PROJECT / "README.md") if command.section == "Three machines"]
_ROWS = re.findall(r"^\| (`.*?`) \|", (PROJECT / "README.md").read_text(), flags=re.MULTILINE)
TAGS = [tag for row in _ROWS for tag in re.findall(r"`(\w+)`", row)]
ADDRESSES = {
    "docker-host.example.org": "10.77.0.12",
    "qemu-host.example.org": "10.77.0.11",
    "client.example.org": "10.77.0.10",
    "192.0.2.100": "10.77.0.100",
    "192.0.2.1": "10.77.0.1",
}
LIMIT_S = 900


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory, with an editor that fills the inventory in; the laboratory's machines run."""
    status, output = play("playbooks/local_lab.yml", "-i", "inventories/local")
    assert status == 0, output[-4000:]
    home = tmp_path_factory.mktemp("home")
    editor = home / "editor"
    editor.write_text(f"#!{sys.executable}\n{EDITOR.format(addresses=ADDRESSES, filled_in=_filled_in(home))}")
    editor.chmod(0o755)
    return home


EDITOR = """
import sys
from pathlib import Path
path = Path(sys.argv[1])
text = path.read_text()
for example, address in {addresses!r}.items():
    assert example in text, example
    text = text.replace(example, address)
credentials = "        ansible_user: root"
lines = text.splitlines()
(place,) = [number for number, line in enumerate(lines) if line.startswith(credentials)]
lines[place] = credentials + {filled_in!r}
path.write_text("\\n".join(lines) + "\\n")
"""


def _filled_in(home: Path) -> str:
    """What the user adds: credentials, a folder of results, and no change to this machine's CPUs."""
    ssh = PROJECT / ".lab/ssh"
    values = {
        "ansible_ssh_private_key_file": f"{ssh}/id",
        "ansible_ssh_common_args": f"""-o 'UserKnownHostsFile="{ssh}/known_hosts"' """
        f'-o ProxyCommand="nsenter --net=/run/netns/{LAB}-switch nc %h %p"',
        "ansible_control_path": f"%(directory)s/{LAB}-readme-%%h",
        "load_client_governor": "",
    }
    rows = "".join(f"\n        {name}: {json.dumps(value)}" for name, value in values.items())
    return f"{rows}\n  vars:\n    results_dir: {json.dumps(str(home / 'results'))}"


def run(home: Path, text: str) -> str:
    """Run ``text`` as a user types it in the project's folder; return its output. Fails where it does."""
    environment = os.environ | {"HOME": str(home), "EDITOR": str(home / "editor"), "ANSIBLE_NOCOLOR": "1"}
    # Without the variables that a virtual environment sets: the section's own line activates it.
    path = ":".join(part for part in os.environ["PATH"].split(":") if ".venv" not in part)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=PROJECT,
        env=environment | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{text}: {done.stdout[-4000:]}"
    return done.stdout


def prepared() -> list[Command]:
    """The section's commands that come before the first campaign."""
    return [command for command in SECTION if "-e study=" not in command.text]


def campaigns() -> list[Command]:
    """The section's commands that run a campaign."""
    return [command for command in SECTION if "-e study=" in command.text]


def activated(text: str) -> str:
    """``text`` in a shell that has run the section's first line."""
    return f"{SECTION[0].text}\n{text}"


def test_the_section_prepares_an_inventory_outside_the_project(home: Path) -> None:
    output = run(home, "\n".join(command.text for command in prepared()))
    assert "playbook: site.yml" in output and "Install Docker" in output
    assert (home / "lab/hosts.yml").is_file()


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag not in ("trial", "report")])
def test_a_role_is_applied_by_its_tag_alone(home: Path, tag: str) -> None:
    (command,) = [
        command.text
        for command in commands(PROJECT / "README.md")
        if command.section == "One role at a time" and "-i ~/lab" in command.text
    ]
    assert command.endswith("--tags docker_engine")
    output = run(home, activated(f"{command.replace('docker_engine', tag)} -e study=studies/smoke.yml"))
    assert "PLAY RECAP" in output


def test_the_section_runs_a_campaign_up_to_its_report_and_resumes_it(home: Path) -> None:
    first, again = campaigns()
    output = run(home, activated(first.text))
    directory = home / "results/first"
    assert f"report: {directory}/report.html" in output
    records = read_records(directory)
    assert sorted(record.cell.arm for record in records) == ["docker", "linux-qemu"]
    assert all(record.load and record.load.requests > 0 and not record.load.errors for record in records)
    missing = {row.arm: row.why for row in read_campaign(directory).not_run}
    assert missing["linux-xenserver"] == "the inventory has no host in group xenserver_hosts"
    output = run(home, activated(again.text))
    assert "campaign first (resumed, 2 trials are done), 0 trials to run" in output


@pytest.mark.parametrize("tag", ["trial", "report"])
def test_trials_and_report_by_their_tag_alone(home: Path, tag: str) -> None:
    output = run(home, activated(f"{campaigns()[0].text} --tags {tag}"))
    assert "campaign first (resumed, 2 trials are done), 0 trials to run" in output
    assert ("TASK [report : Write the report]" in output) == (tag == "report")
