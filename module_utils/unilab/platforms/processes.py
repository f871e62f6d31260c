"""Long-lived processes that a module starts, finds again by pid, and ends.

A process is known by its pid *and* its start time, so that a pid that the kernel gave to another
program is never taken for ours, nor ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def start(argv: Sequence[str], log: Path, pid_file: Path) -> int:
    """Start ``argv`` in a session of its own, its output in ``log``; remember it in ``pid_file``."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
        )
    pid_file.write_text(f"{process.pid} {_start_ticks(process.pid)}\n")
    return process.pid


def running_pid(pid_file: Path) -> int | None:
    """Return the pid remembered in ``pid_file`` while that very process lives, else None."""
    try:
        pid, ticks = (int(word) for word in pid_file.read_text().split())
    except (OSError, ValueError):
        return None
    return pid if _start_ticks(pid) == ticks else None


def end(pid_file: Path, ask: signal.Signals = signal.SIGTERM, patience_s: float = 10) -> bool:
    """End the remembered process: ask, wait ``patience_s``, then kill. True when there was one."""
    pid = running_pid(pid_file)
    if pid is None:
        pid_file.unlink(missing_ok=True)
        return False
    os.kill(pid, ask)
    if not wait_gone(pid_file, patience_s):
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid_file, 5)
    pid_file.unlink(missing_ok=True)
    return True


def wait_gone(pid_file: Path, seconds: float) -> bool:
    """Wait at most ``seconds`` for the remembered process to end; True when it did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid = running_pid(pid_file)
        if pid is None:
            return True
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)
    return False


def _start_ticks(pid: int) -> int:
    """Start time of ``pid`` in clock ticks since boot, -1 when it is gone or a zombie (proc(5), stat)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])
