"""Processes are found again by pid and start time, and only ours are ended."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.module_utils.unilab.platforms import processes


def test_a_process_is_started_found_and_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid = processes.start(["sleep", "60"], tmp_path / "log", pid_file)
    assert processes.running_pid(pid_file) == pid
    assert processes.end(pid_file) is True
    assert processes.running_pid(pid_file) is None and not pid_file.exists()
    assert processes.end(pid_file) is False


def test_one_that_will_not_go_is_killed(tmp_path: Path) -> None:
    pid_file, ready = tmp_path / "pid", tmp_path / "ready"
    stubborn = f"trap '' TERM; touch {ready}; while :; do sleep 0.05; done"
    processes.start(["sh", "-c", stubborn], tmp_path / "log", pid_file)
    while not ready.exists():
        pass
    assert processes.end(pid_file, patience_s=0.3) is True
    assert processes.running_pid(pid_file) is None


def test_a_pid_that_now_belongs_to_another_is_not_ours(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{os.getpid()} 1\n")
    assert processes.running_pid(pid_file) is None
    assert processes.end(pid_file) is False


def test_output_goes_to_the_log(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    processes.start(["echo", "hello"], tmp_path / "log", pid_file)
    assert processes.wait_gone(pid_file, 60)
    assert (tmp_path / "log").read_text() == "hello\n"
