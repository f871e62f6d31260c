"""Files that are made once: a record beside each says what it was made of.

``FILE.json`` holds the hash of the recipe (whatever the content depends on), the hash and size of
the file, and facts about it. As long as both hashes fit, the file is not made again.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.hashing import sha256_of


@dataclass(frozen=True)
class Made:
    """What came of ``make_once``; in check mode, sha256 and bytes of a file to come are unknown."""

    path: Path
    changed: bool
    sha256: str | None
    bytes: int | None


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """Hash of a JSON-able recipe; the order of its keys does not count."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def make_once(path: Path, recipe: Mapping[str, Any], write: Callable[[Path], None], check_mode: bool) -> Made:
    """Have ``write`` make the file ``path``, aside and renamed, unless it was made of ``recipe``."""
    wanted = recipe_sha256(recipe)
    record_path = path.with_name(path.name + ".json")
    record = _read(record_path)
    if record.get("recipe_sha256") == wanted and _fits(path, record):
        return Made(path, False, record["sha256"], record["bytes"])
    if check_mode:
        return Made(path, True, None, None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as aside:
        new = Path(aside) / "new"
        write(new)
        new.chmod(0o644)
        sha256, size = sha256_of(new), new.stat().st_size
        note = Path(aside) / "note"
        note.write_text(
            json.dumps({"recipe_sha256": wanted, "sha256": sha256, "bytes": size}) + "\n",
            encoding="ascii",
        )
        note.chmod(0o644)
        new.replace(path)
        note.replace(record_path)
    return Made(path, True, sha256, size)


def _fits(path: Path, record: Mapping[str, Any]) -> bool:
    return (
        path.is_file()
        and path.stat().st_size == record.get("bytes")
        and sha256_of(path) == record.get("sha256")
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
