"""Processes are found again by pid and start time, and only ours are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible.module_utils.unilab.platforms import processes

# Ends at SIGKILL alone, and creates the file $1 once it ignores SIGTERM.
IGNORES_SIGTERM = "trap '' TERM; touch \"$1\"; while :; do sleep 0.05; done"


def start_time_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_start_remembers_process_and_end_ends_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid = processes.start(["sleep", "60"], tmp_path / "log", pid_file)
    assert pid_file.read_text() == f"{pid} {start_time_ticks(pid)}\n"
    assert processes.running_pid(pid_file) == pid
    assert processes.end(pid_file) is True
    assert processes.running_pid(pid_file) is None and not pid_file.exists()
    assert processes.end(pid_file) is False


def test_end_kills_process_ignoring_sigterm(tmp_path: Path) -> None:
    pid_file, ready = tmp_path / "pid", tmp_path / "ready"
    processes.start(["sh", "-c", IGNORES_SIGTERM, "sh", str(ready)], tmp_path / "log", pid_file)
    while not ready.exists():
        time.sleep(0.01)
    assert processes.end(pid_file, patience_s=0.3) is True
    assert processes.running_pid(pid_file) is None and not pid_file.exists()


@pytest.mark.parametrize("attempt", range(20))
def test_process_that_ends_at_once_has_its_start_time(tmp_path: Path, attempt: int) -> None:
    pid_file = tmp_path / "pid"
    before = start_time_ticks(os.getpid())
    pid = processes.start(["true"], tmp_path / "log", pid_file)
    remembered, ticks = (int(word) for word in pid_file.read_text().split())
    assert remembered == pid and ticks >= before
    assert processes.wait_gone(pid_file, 60)
    assert processes.end(pid_file) is False


def test_pid_without_process_does_not_run(tmp_path: Path) -> None:
    """The start time -1 stood in files for processes that had ended at once."""
    pid_file = tmp_path / "pid"
    ended = subprocess.Popen(["true"])
    ended.wait()
    pid_file.write_text(f"{ended.pid} -1\n")
    assert processes.running_pid(pid_file) is None
    assert processes.end(pid_file) is False and not pid_file.exists()


def test_process_that_nobody_waited_for_does_not_run(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    pid_file.write_text(f"{zombie.pid} {start_time_ticks(zombie.pid)}\n")
    assert processes.running_pid(pid_file) is None
    zombie.wait()


def test_end_accepts_process_that_ends_before_the_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    with sleeping() as process:
        pid_file.write_text(f"{process.pid} {start_time_ticks(process.pid)}\n")
        send = signal.pidfd_send_signal

        def send_late(handle: int, number: signal.Signals) -> None:
            process.kill()
            process.wait()
            send(handle, number)

        monkeypatch.setattr(signal, "pidfd_send_signal", send_late)
        assert processes.end(pid_file) is True
    assert not pid_file.exists()


def test_end_spares_process_that_got_the_pid_later(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with sleeping() as other:
        pid_file.write_text(f"{other.pid} {start_time_ticks(other.pid) - 1}\n")
        assert processes.running_pid(pid_file) is None
        assert processes.end(pid_file) is False
        assert other.poll() is None


@pytest.mark.parametrize("content", ["", "12", "a b", "1 2 3", "0 1", "-1 5"])
def test_damaged_pid_file_means_no_process(tmp_path: Path, content: str) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(content)
    assert processes.running_pid(pid_file) is None
    assert processes.end(pid_file) is False


def test_output_goes_to_the_log(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    processes.start(["sh", "-c", "echo out; echo error >&2"], tmp_path / "log", pid_file)
    assert processes.wait_gone(pid_file, 60)
    assert (tmp_path / "log").read_text() == "out\nerror\n"
