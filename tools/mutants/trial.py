"""One run of unit tests in a child of this process, which has loaded what is slow to load."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PASSED = 0
_QUIET = ["-q", "-x", "-p", "no:cacheprovider", "--no-header", "-p", "no:randomly"]


@dataclass(frozen=True)
class Run:
    """How the tests ended: pytest's exit code, or -1 for a limit; ``cpu_s`` has that of their children."""

    code: int
    cpu_s: float


def load_libraries() -> None:
    """Load what the tests need of other projects; ``fork`` then gives it to each run."""
    for name in (
        "ansible.module_utils.basic",
        "hypothesis",
        "numpy",
        "polars",
        "pydantic",
        "pytest",
        "scipy.stats",
    ):
        __import__(name)


def run_tests(tests: Sequence[str], project: Path, cpu_limit_s: int, wall_limit_s: float) -> Run:
    """Run ``tests``, paths below ``project``, within a limit of processor time and one of time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        _in_child(tests, project, cpu_limit_s)
    code = _wait(child, time.monotonic() + wall_limit_s)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(code, cpu_s)


def _wait(child: int, until_s: float) -> int:
    while time.monotonic() < until_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else -1
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def _in_child(tests: Sequence[str], project: Path, cpu_limit_s: int) -> None:
    code = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit_s, cpu_limit_s + 5))
        os.chdir(project)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        roots = [str(project), str(project / "locustfiles")]
        # No compiled code is written: two mutants of one second could have the same time stamp.
        sys.dont_write_bytecode = True
        sys.path[:0] = roots
        os.environ |= {"PYTHONPATH": os.pathsep.join(roots), "PYTHONDONTWRITEBYTECODE": "1"}
        import pytest

        code = int(pytest.main([*_QUIET, "-c", str(project / "pyproject.toml"), *tests]))
    finally:
        os._exit(code)
