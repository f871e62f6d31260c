"""Long-lived processes that a module starts, finds again by pid, and ends.

A process is known by its pid *and* its start time. A pid that the kernel gave to another program is
then neither reported as running nor ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

# States of proc(5), stat, in which a process has ended: zombie, and dead.
_ENDED = "ZXx"


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
    # Nobody has waited for the child yet: its entry in /proc is there, even where it has ended.
    state_and_ticks = _state_and_start_ticks(process.pid)
    assert state_and_ticks is not None
    pid_file.write_text(f"{process.pid} {state_and_ticks[1]}\n")
    return process.pid


def running_pid(pid_file: Path) -> int | None:
    """Return the pid remembered in ``pid_file`` while that very process lives, else None."""
    remembered = _remembered(pid_file)
    return remembered[0] if remembered and _lives(*remembered) else None


def end(pid_file: Path, ask: signal.Signals = signal.SIGTERM, patience_s: float = 10) -> bool:
    """End the remembered process: send ``ask``, wait ``patience_s``, then kill it. True when it ran.

    A process that ends by itself meanwhile is no error. Signals go through a pidfd (pidfd_open(2)),
    which never means another process.
    """
    remembered = _remembered(pid_file)
    ran = False
    if remembered:
        with _opened(*remembered) as handle:
            ran = handle is not None
            if handle is not None:
                _signal(handle, ask)
                if not wait_gone(pid_file, patience_s):
                    _signal(handle, signal.SIGKILL)
                    wait_gone(pid_file, 5)
    pid_file.unlink(missing_ok=True)
    return ran


def wait_gone(pid_file: Path, seconds: float) -> bool:
    """Wait at most ``seconds`` for the remembered process to end; True when it did."""
    deadline = time.monotonic() + seconds
    while True:
        pid = running_pid(pid_file)
        if pid is None:
            return True
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


@contextlib.contextmanager
def _opened(pid: int, start_ticks: int) -> Iterator[int | None]:
    """A pidfd of the process while it lives, None where it has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        # Compared after the opening: from then on the pidfd means this process and no later one.
        yield handle if _lives(pid, start_ticks) else None
    finally:
        os.close(handle)


def _signal(handle: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _remembered(pid_file: Path) -> tuple[int, int] | None:
    """Pid and start time in ``pid_file``, None where it is missing or not whole."""
    try:
        pid, start_ticks = (int(word) for word in pid_file.read_text().split())
    except (OSError, ValueError):
        return None
    return (pid, start_ticks) if pid > 0 else None


def _lives(pid: int, start_ticks: int) -> bool:
    found = _state_and_start_ticks(pid)
    return found is not None and found[0] not in _ENDED and found[1] == start_ticks


def _state_and_start_ticks(pid: int) -> tuple[str, int] | None:
    """State, and start time in clock ticks since boot (proc(5), stat); None where there is no such pid."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[19])
