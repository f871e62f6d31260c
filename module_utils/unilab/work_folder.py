"""A folder beside a file or folder that is being made, which is removed even where its maker was killed.

Its name starts with ``.NAME.``. Its maker holds a lock on the file ``lock`` in it, which the kernel releases
when the process ends (flock(2)). Whoever makes the same thing next removes folders whose lock is free.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "lock"


@contextmanager
def work_folder(destination: Path) -> Iterator[Path]:
    """A new folder beside ``destination``, whose own folder must be there. Raises OSError."""
    prefix = f".{destination.name[:40]}."
    _remove_abandoned(destination.parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=destination.parent))
    lock = os.open(folder / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for lock_file in parent.glob(f"{glob.escape(prefix)}*/{_LOCK}"):
        with contextlib.suppress(OSError):
            lock = os.open(lock_file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.parent, ignore_errors=True)
            finally:
                os.close(lock)
