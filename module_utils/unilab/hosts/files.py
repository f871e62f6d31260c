"""Text files of a host: read, and replaced as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError


def read_text(path: Path) -> str | None:
    """Content of the file, None where there is none. Raises LabError where it cannot be read as UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{path}: cannot read it: {error}. Remedy: make it a readable UTF-8 file.") from error


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Write ``text`` aside, sync it and rename it to ``path``. An existing file keeps its mode and owner.

    ``mode`` is that of a new file. Raises LabError where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.stat() if path.exists() else None
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                os.fchmod(stream.fileno(), before.st_mode & 0o7777 if before else mode)
                if before:
                    os.fchown(stream.fileno(), before.st_uid, before.st_gid)
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(aside).replace(path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LabError(f"{path}: cannot write it: {error}. Remedy: run as root, and free space.") from error
