"""What the environment asks of a service (docs/services.md). A bad value ends it with status 2."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn


def integer(name: str, fallback: int, least: int, most: int) -> int:
    """The whole number that the variable ``name`` holds, or ``fallback`` where it is not set."""
    text = os.environ.get(name)
    if text is None:
        return fallback
    number = int(text) if re.fullmatch("[0-9]{1,7}", text) else -1
    if not least <= number <= most:
        _refuse(name, text, f"a whole number from {least} to {most}")
    return number


def nonce() -> str:
    """UNILAB_NONCE, held to letters that every language writes alike in JSON."""
    text = os.environ.get("UNILAB_NONCE", "")
    if not re.fullmatch("[A-Za-z0-9._~+/=-]{0,128}", text):
        _refuse("UNILAB_NONCE", text, "at most 128 of A-Z a-z 0-9 . _ ~ + / = -")
    return text


def artifact() -> str:
    """The line that the image's builder left beside the service, or ""."""
    try:
        path = Path(os.environ.get("UNILAB_ARTIFACT_FILE", "/etc/unilab/artifact"))
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _refuse(name: str, text: str, wanted: str) -> NoReturn:
    sys.stderr.write(f"environment: key {name}: '{text}' is not valid. Remedy: give {wanted}.\n")
    sys.exit(2)
