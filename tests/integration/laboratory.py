"""Running the project's playbooks as a user does, from a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from filter_plugins.project_root import checkout_name

PROJECT = Path(__file__).resolve().parents[2]
LAB = checkout_name("unilab")
MACHINE_PROGRAMS = ("qemu-system-x86_64", "systemd-nspawn")
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
    """Network namespaces of this checkout's laboratory; those of other checkouts have other names."""
    directory = Path("/run/netns")
    return {p.name for p in directory.glob(f"{LAB}-*")} if directory.is_dir() else set()


def processes(proc: Path = Path("/proc"), laboratory: Path = PROJECT / ".lab") -> list[str]:
    """Command lines of QEMU and systemd-nspawn that run machines of ``laboratory``, and of no other program.

    Not counted: programs that see another file system under the same path, such as those of a container.
    """
    lines = []
    for path in proc.glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            same_files = os.path.samestat((path / "root").stat(), Path("/").stat())
        except OSError:  # ended meanwhile
            continue
        runs = any(Path(word).name in MACHINE_PROGRAMS for word in words)
        if runs and same_files and any(f"{laboratory}/" in word for word in words):
            lines.append(" ".join(words))
    return lines
