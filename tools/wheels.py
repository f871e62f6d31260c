"""Fetch the wheels of a lock that fit one Python and one machine, once, and print their folder.

    python tools/wheels.py 3.11 x86_64 requirements/load.txt .cache/wheels

A client gets Locust from this folder, so it needs no package index. The folder's name holds the lock's
hash; folders of earlier locks are removed.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# glibc 2.17 and 2.28: both are older than that of Debian 12 and Ubuntu 22.04.
PLATFORMS = ("manylinux2014_{machine}", "manylinux_2_28_{machine}", "any")


def wheels_folder(python: str, machine: str, lock: Path, folder: Path) -> Path:
    """Folder below ``folder`` with the wheels of ``lock`` for a Python (``3.11``) on a machine (``x86_64``).

    Raises subprocess.CalledProcessError if pip cannot fetch one of them.
    """
    kind = f"{python}-{machine}"
    wanted = folder / f"{kind}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if wanted.is_dir():
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
        fetched = Path(partial) / "wheels"
        platforms = [option for name in PLATFORMS for option in ("--platform", name.format(machine=machine))]
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += ["--require-hashes", "--only-binary", ":all:", "--python-version", python, *platforms]
        subprocess.run([*command, "--requirement", lock, "--dest", fetched], check=True)
        for outdated in folder.glob(f"{kind}-*"):
            shutil.rmtree(outdated)
        fetched.rename(wanted)
    return wanted


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python", help="version of the client's Python, such as 3.11")
    parser.add_argument("machine", help="the client's machine, as platform.machine() names it")
    parser.add_argument("lock", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        print(wheels_folder(arguments.python, arguments.machine, arguments.lock, arguments.folder))
    except subprocess.CalledProcessError:
        print(
            f"{arguments.lock}: pip cannot fetch the wheels for Python {arguments.python} "
            f"on {arguments.machine}. Remedy: let this machine reach a package index, "
            "or name a folder of these wheels with load_client_wheelhouse.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
