"""Run a command with Debian 13's Python 3.13 and the newest ansible-core, on this project's folder.

    python -m tools.debian13 make -o setup lint unit VENV=/opt/venv

The first run makes a Debian 13 root in .cache/debian13, without changing this machine, and installs the
locked packages in it; the command runs in a container (systemd-nspawn) of that root. Needs root.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tools.wheels import wheels_folder

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / ".cache"
ROOT = CACHE / "debian13"
LOCKS = [PROJECT / "requirements" / name for name in ("controller.txt", "ansible_newest.txt")]
VENV = "/opt/venv"
# What unit tests and linters call: compilers, image tools, a shell's usual programs.
PACKAGES = (
    "python3-venv,make,git,gcc,libc6-dev,e2fsprogs,squashfs-tools,qemu-utils,mtools,syslinux,syslinux-common,"
    "lz4,iproute2,procps,openssh-client,dpkg-dev,ca-certificates"
)


def main(command: list[str]) -> int:
    """Make the root if it is missing or of other locks, run ``command`` in it, return its exit code."""
    if os.geteuid() != 0:
        print(
            "tools/debian13.py: makes and runs a Debian root. Remedy: run the same command as root.",
            file=sys.stderr,
        )
        return 1
    if not (ROOT / "recipe").exists() or (ROOT / "recipe").read_text() != _recipe():
        _make_root()
    return subprocess.run([*_container(ROOT / "root"), *command], check=False).returncode


def _recipe() -> str:
    texts = [PACKAGES, *(lock.read_text() for lock in LOCKS)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _make_root() -> None:
    print("Making a Debian 13 root with Python 3.13, some minutes", flush=True)
    subprocess.run(["rm", "--recursive", "--force", "--one-file-system", ROOT], check=True)
    ROOT.mkdir(parents=True)
    root = ROOT / "root"
    subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--mode=root",
            "--variant=minbase",
            f"--include={PACKAGES}",
            "trixie",
            root,
        ],
        check=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    subprocess.run([*_container(root), "python3", "-m", "venv", VENV], check=True)
    pip = [
        *_container(root),
        f"{VENV}/bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    for lock in LOCKS:
        wheels = wheels_folder("3.13", os.uname().machine, lock, CACHE / f"wheels-{lock.stem}")
        subprocess.run([*pip, "--require-hashes", "--find-links", wheels, "--requirement", lock], check=True)
    # Quiet unless it fails: setuptools warns at length about folders of data.
    editable = subprocess.run(
        [*pip, "--no-build-isolation", "--editable", PROJECT], check=False, capture_output=True, text=True
    )
    if editable.returncode != 0:
        raise SystemExit(editable.stderr)
    (ROOT / "recipe").write_text(_recipe())


def _container(root: Path) -> list[str]:
    """Start of a command that runs in ``root``, in the project's folder at its path, without a network."""
    return [
        "systemd-nspawn",
        "--quiet",
        "--register=no",  # this machine may run no systemd
        "--keep-unit",
        "--machine=unilab-debian13",
        "--private-network",
        "--as-pid2",
        f"--directory={root}",
        f"--bind={PROJECT}",
        f"--chdir={PROJECT}",
        f"--setenv=PYTHONPATH={PROJECT}",
        "--setenv=LC_ALL=C.UTF-8",
        "--",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
