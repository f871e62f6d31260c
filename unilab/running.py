"""A run of the project's playbooks through ansible-runner, with its output in log files."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner

from contracts.errors import InputError

PROJECT = Path(__file__).resolve().parent.parent
RUNS = PROJECT / ".cache" / "runs"
PREPARATION_LOG = "preparation.log"
# Folders of older runs are removed.
KEPT_RUNS = 20


@dataclass(frozen=True)
class Run:
    """What is run.

    Attributes:
        playbook: of the project, site.yml for instance.
        inventories: absolute paths.
        variables: given to Ansible as extra variables.
        arguments: further words for ansible-playbook, such as --vault-password-file.
    """

    playbook: str
    inventories: Sequence[str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    arguments: Sequence[str] = ()


def run_playbook(
    what: Run,
    folder: Path,
    on_event: Callable[[dict[str, Any]], None],
    log_name: Callable[[], str] = lambda: PREPARATION_LOG,
) -> int:
    """Run it. ``on_event`` gets each event of ansible-runner; the exit code of Ansible is returned.

    Ansible's output is appended to the file in ``folder`` that ``log_name`` names at that moment.
    Raises KeyboardInterrupt when the run was stopped by Ctrl-C.
    """
    words = [word for name in what.inventories for word in ("-i", name)]
    artifacts = folder / "artifacts"

    def handle(event: dict[str, Any]) -> bool:
        _remove_environment(artifacts)
        if event.get("stdout"):
            with (folder / log_name()).open("a", encoding="utf-8") as stream:
                stream.write(f"{event['stdout']}\n")
        on_event(event)
        return False  # no copy of each event on disk

    try:
        done = ansible_runner.run(
            private_data_dir=str(folder),
            artifact_dir=str(artifacts),
            project_dir=str(PROJECT),
            playbook=what.playbook,
            cmdline=shlex.join([*words, *what.arguments]),
            extravars=dict(what.variables),
            envvars=_environment(),
            event_handler=handle,
            quiet=True,
            suppress_env_files=True,
        )
    finally:
        shutil.rmtree(artifacts, ignore_errors=True)
    if done.status == "canceled":
        raise KeyboardInterrupt
    return 1 if done.rc is None else int(done.rc)


def _remove_environment(artifacts: Path) -> None:
    """ansible-runner writes the environment down, which may hold passwords."""
    for path in artifacts.glob("*/command"):
        path.unlink(missing_ok=True)


def new_folder() -> Path:
    """A folder for one run's logs, readable by this user only; the oldest beyond KEPT_RUNS are removed."""
    RUNS.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in sorted(RUNS.iterdir())[: -KEPT_RUNS + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%dT%H%M%S-"), dir=RUNS))


def inventory_path(name: str) -> str:
    """An inventory in the current folder, or else in the project. Raises InputError where there is none."""
    for path in (Path(name), PROJECT / name):
        if path.exists():
            return str(path.resolve())
    raise InputError(
        "-i", name, "there is no such inventory", "give a folder or file, such as inventories/local"
    )


def _environment() -> dict[str, str]:
    """Ansible of this Python, and the project's settings whatever the current folder is."""
    bin_ = Path(sys.executable).parent
    return {
        "PATH": f"{bin_}{os.pathsep}{os.environ.get('PATH', '')}",
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(PROJECT / "callback_plugins"),
        # ansible-runner would switch it off.
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
