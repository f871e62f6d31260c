"""The commands and the locustfile of docs/load.md, executed as they are written."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[3]
TEXT = (PROJECT / "docs" / "load.md").read_text(encoding="utf-8")
COMMANDS = [
    command.replace("\\\n", " ").strip()
    for command in re.findall(r"^    ((?:locust|python) (?:.*\\\n)*.*)$", TEXT, flags=re.M)
]
STATED = "responder"
"""Nonce and artifact of the target, see unilab_load.responder."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a target on 127.0.0.1 that answers as services/todos/responses.json says."""
    command = [sys.executable, "-m", "unilab_load.responder", str(PROJECT / "services/todos/responses.json")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT / "locustfiles", stdin=pipe, stdout=pipe, text=True) as target:
        assert target.stdin is not None and target.stdout is not None
        yield int(target.stdout.readline())
        target.stdin.close()


@pytest.fixture
def environment() -> dict[str, str]:
    """The programs of this virtual environment, and a free port for Locust's master."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        master_port = str(listener.getsockname()[1])
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT / "locustfiles"),
        "LOCUST_MASTER_NODE_PORT": master_port,
        "LOCUST_MASTER_PORT": master_port,
        "LOCUST_MASTER_BIND_HOST": "127.0.0.1",
        "LOCUST_MASTER_BIND_PORT": master_port,
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the project's files where commands may write."""
    for name in ("locustfiles", "services"):
        (tmp_path / name).symlink_to(PROJECT / name)
    return tmp_path


def _words(command: str, port: int) -> list[str]:
    """The command with its placeholders filled in."""
    values = {"HOST:8080": f"127.0.0.1:{port}", "MASTER": "127.0.0.1", "NONCE": STATED, "HASH": STATED}
    for name, value in values.items():
        command = re.sub(rf"(?<![\w-]){name}\b", value, command)
    return shlex.split(command)


def _run(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _load(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "load.json").read_text())
    assert content["outcome"] == {"state": "completed", "why": ""}
    load: dict[str, Any] = content["load"]
    return load


def test_every_command_is_of_a_kind_that_is_executed_here() -> None:
    kinds = ["first", "record", "study", "worker", "master", "calibrate"]
    assert [_kind(command) for command in COMMANDS] == kinds


def _kind(command: str) -> str:
    marks = {
        "calibrate": "calibrate",
        "unilab_load.record": "record",
        "--worker": "worker",
        "--master ": "master",
        "--expect-nonce": "study",
    }
    return next((kind for mark, kind in marks.items() if mark in command), "first")


def _command(kind: str) -> str:
    (command,) = [command for command in COMMANDS if _kind(command) == kind]
    return command


def test_first_command_ends_with_the_six_lines_that_are_shown(
    port: int, checkout: Path, environment: dict[str, str]
) -> None:
    lines = _run(_words(_command("first"), port), checkout, environment).splitlines()[-6:]
    (shown,) = re.findall(r"^```\n(outcome:.*?)^```", TEXT, flags=re.M | re.S)
    numbers = re.compile(r"[\d.]+|/\S+/")
    assert [line.split(":")[0] for line in lines] == [line.split(":")[0] for line in shown.splitlines()]
    for line, example in zip(lines, shown.splitlines(), strict=True):
        if not line.startswith(("verdict", "histogram")):  # the machine may be too busy for a valid one
            assert numbers.sub("#", line) == numbers.sub("#", example)
    folder = Path(lines[5].split()[1]).parent
    assert re.fullmatch(r"todos-\d{8}-\d{6}", folder.name) and folder.parent == checkout / "load-results"
    assert (_load(folder)["users"], _load(folder)["window_s"]) == (40, 5)


def test_recorded_responses_are_those_of_the_service(
    port: int, checkout: Path, environment: dict[str, str]
) -> None:
    _run(_words(_command("record"), port), checkout, environment)
    (row,) = json.loads((checkout / "responses.json").read_text())
    assert row == json.loads((PROJECT / "services/todos/responses.json").read_text())[0]


def test_command_of_the_study_completes(port: int, checkout: Path, environment: dict[str, str]) -> None:
    _run(_words(_command("study"), port), checkout, environment)
    assert (_load(checkout / "out")["warm_up_s"], _load(checkout / "out")["window_s"]) == (2, 3)


def test_commands_for_several_clients_add_up(port: int, checkout: Path, environment: dict[str, str]) -> None:
    worker = _words(_command("worker"), port)
    quiet = subprocess.DEVNULL
    clients = [
        subprocess.Popen(worker, cwd=checkout, env=environment, stdout=quiet, stderr=quiet) for _ in range(2)
    ]
    try:
        _run(_words(_command("master"), port), checkout, environment)
    finally:
        for client in clients:
            client.wait(20)
    (folder,) = (checkout / "load-results").iterdir()
    load = _load(folder)
    assert load["generator"]["processes"] == 4
    assert [row["users"] for row in load["generator"]["workers"]] == [10] * 4


def test_calibration_writes_a_ceiling(checkout: Path, environment: dict[str, str]) -> None:
    _run(_words(_command("calibrate"), 0), checkout, environment)
    assert json.loads((checkout / "out" / "calibration.json").read_text())["ceiling_per_s"] > 0


def test_locustfile_that_is_shown_is_loaded(port: int, tmp_path: Path, environment: dict[str, str]) -> None:
    (locustfile,) = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.M | re.S)
    (tmp_path / "reader.py").write_text(locustfile)
    (tmp_path / "responses.json").write_text((PROJECT / "services/todos/responses.json").read_text())
    words = ["locust", "-f", "reader.py", "--headless", f"--host=http://127.0.0.1:{port}"]
    _run([*words, "--requests=40", "--output=out"], tmp_path, environment)
    assert _load(tmp_path / "out")["requests"] == 40
