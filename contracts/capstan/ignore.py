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
    """``*`` is one part of a path; ``/**/`` any number of them; ``/*`` at the end all that is below.

    What follows a star is searched at its first place and no other (an atomic group), except behind the last
    star: no other place could match more, and a hostile pattern takes no more time than a short one.
    """
    beneath = pattern.endswith("/*")
    pieces = [_parts(piece) for piece in pattern.removesuffix("/*").split("/**/")]
    first, *others = pieces
    expression = first
    for number, piece in enumerate(others, start=1):
        is_last = number == len(others)
        separator = "/" if number == 1 else ""
        expression += separator + (f"(?:[^/]+/)*{piece}" if is_last else f"(?>(?:[^/]+/)*?{piece}/)")
    return expression + ("/.*" if beneath else "")


def _parts(piece: str) -> str:
    return "/".join(_part(part) for part in piece.split("/"))


def _part(part: str) -> str:
    first, *others = (re.escape(text) for text in part.split("*"))
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{text})" for text in middle if text) + f"[^/]*{last}(?=/|\\Z)"
