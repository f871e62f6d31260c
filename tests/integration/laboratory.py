"""Running the project's playbooks as a user does, from a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the one-machine laboratory needs root")


def environment() -> dict[str, str]:
    """The caller's environment with the project's own programs first, and no colours."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}


def play(*arguments: str, prefix: Sequence[str] = (), timeout_s: float = 900) -> tuple[int, str]:
    """Run ansible-playbook in the project's folder; return its exit status and all that it printed."""
    done = subprocess.run(
        [*prefix, PLAYBOOK, *arguments],
        cwd=PROJECT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout


def site(*arguments: str, inventory: str = "inventories/local", **options: object) -> tuple[int, str]:
    """Run site.yml on ``inventory``."""
    return play("site.yml", "-i", inventory, *arguments, **options)  # type: ignore[arg-type]


def namespaces() -> set[str]:
    """Network namespaces of the one-machine laboratory."""
    directory = Path("/run/netns")
    return {p.name for p in directory.glob("unilab-*")} if directory.is_dir() else set()


def processes() -> list[str]:
    """Command lines of processes that work on this project's laboratory."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"{PROJECT}/.lab/" in line and ("qemu-system" in line or "systemd-nspawn" in line):
            lines.append(line)
    return lines
