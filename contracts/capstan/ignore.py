"""``.capstanignore``: files of a package's folder that are not copied (Capstan, core/capstanignore.go)."""

from __future__ import annotations

import re
from pathlib import Path

from contracts.errors import InputError

FILE = ".capstanignore"
ALWAYS = ("/meta", "/mpm-pkg", "/.git", "/.capstanignore", "/.gitignore", "/volumes")


def ignored(folder: Path) -> re.Pattern[str]:
    """The expression that paths of files that are not copied match in full; ``/`` is ``folder``.

    A folder that matches is not copied with all that is in it. Raises InputError for /meta, as Capstan does:
    it is never copied, but it is read.
    """
    file = folder / FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if "/meta" in patterns:
        raise InputError(file, "", "/meta is never copied anyway", "remove the line /meta")
    return re.compile("|".join(_expression(pattern) for pattern in (*ALWAYS, *patterns)))


def _expression(pattern: str) -> str:
    """``*`` is one part of a path; ``/**/`` any number of them; ``/*`` at the end all that is below."""
    beneath = pattern.endswith("/*")
    parts = [re.escape(part).replace(r"\*", "[^/]*") for part in pattern.removesuffix("/*").split("/**/")]
    return "/(?:.*/)?".join(parts) + ("/.*" if beneath else "")
