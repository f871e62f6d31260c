"""Running a command whose failure must be explained."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from ansible.module_utils.unilab.errors import LabError


def run(argv: Sequence[str], timeout_s: float = 60) -> str:
    """Return the standard output of ``argv``. Raises LabError with its last line of error."""
    try:
        done = subprocess.run(list(argv), capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed. Remedy: run `make setup`.") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{shlex.join(argv)}` did not end within {timeout_s:g} s.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise LabError(f"`{shlex.join(argv)}` failed ({done.returncode}): {said[-1]}")
    return done.stdout
