"""Files that are made once: a record beside each says what it was made of.

``FILE.json`` holds the hash of the recipe (whatever the content depends on), the hash and size of
the file, and facts about it. As long as both hashes fit, the file is not made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.work_folder import work_folder


@dataclass(frozen=True)
class Written:
    """What a writer may report: the file's hash, if it took it on the way, and facts for the record."""

    sha256: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What came of ``make_once``; in check mode, sha256 and bytes of a file to come are unknown.

    Attributes:
        facts: what its writer reported of the file as it is now; empty where that is yet to come.
        facts_before: the same of the file that was there, empty where there was none.
    """

    path: Path
    changed: bool
    sha256: str | None
    bytes: int | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    facts_before: Mapping[str, Any] = field(default_factory=dict)


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """Hash of a JSON-able recipe; the order of its keys does not count."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def make_once(
    path: Path,
    recipe: Mapping[str, Any],
    write: Callable[[Path], Written | None],
    check_mode: bool,
) -> Made:
    """Have ``write`` make the file ``path``, aside and renamed, unless it was made of ``recipe``.

    Raises LabError where it cannot be written; the file that was there stays.
    """
    wanted = recipe_sha256(recipe)
    record_path = path.with_name(path.name + ".json")
    record = _read(record_path)
    before = record.get("facts", {}) if path.is_file() else {}
    if record.get("recipe_sha256") == wanted and _fits(path, record):
        return Made(path, False, record["sha256"], record["bytes"], before, before)
    if check_mode:
        return Made(path, True, None, None, {}, before)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with work_folder(path) as aside:
            new, note = aside / "new", aside / "note"
            written = write(new) or Written()
            sha256, size = written.sha256 or sha256_of(new), new.stat().st_size
            with note.open("w", encoding="ascii") as stream:
                record = {"recipe_sha256": wanted, "sha256": sha256, "bytes": size}
                json.dump(record | ({"facts": written.facts} if written.facts else {}), stream)
                stream.write("\n")
            for file, target in ((new, path), (note, record_path)):
                file.chmod(0o644)
                _sync(file)
                file.replace(target)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise LabError(
            f"{path}: cannot write it: {error.strerror or error}{where}. Remedy: give a folder that can be "
            "written and has room for it."
        ) from error
    return Made(path, True, sha256, size, written.facts, before)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


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
