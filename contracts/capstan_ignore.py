"""``.capstanignore``: what of a package's folder stays out of its image (Capstan, core/capstanignore.go)."""

from __future__ import annotations

import re
from pathlib import Path

from contracts.errors import InputError

FILE = ".capstanignore"
ALWAYS = ("/meta", "/mpm-pkg", "/.git", "/.capstanignore", "/.gitignore", "/volumes")


def ignored(folder: Path) -> re.Pattern[str]:
    """What the paths that stay out match in full, each with ``/`` in front, ``folder`` being the root.

    A folder that matches stays out with all that is in it. Raises InputError for /meta, which Capstan
    refuses too: it is left out in any case, once it has been read.
    """
    file = folder / FILE
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if "/meta" in patterns:
        raise InputError(file, "", "/meta is read, and left out by itself", "remove the line /meta")
    return re.compile("|".join(_expression(pattern) for pattern in (*ALWAYS, *patterns)))


def _expression(pattern: str) -> str:
    """``*`` is one part of a path; ``/**/`` any number of them; ``/*`` at the end all that is below."""
    beneath = pattern.endswith("/*")
    parts = [re.escape(part).replace(r"\*", "[^/]*") for part in pattern.removesuffix("/*").split("/**/")]
    return "/(?:.*/)?".join(parts) + ("/.*" if beneath else "")
