"""Settings merged into a JSON file that others wrote, and taken out of it again.

Beside the file stand ``FILE.before-unilab``, the file as it was (absent where there was none), and
``FILE.unilab.json``, the settings that were merged. Both are removed when the settings are taken out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.files import read_text, write_text

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """Text of a file before and after; None where there is no file. changed: also of the files beside it."""

    before: str | None
    after: str | None
    changed: bool


def backup_of(path: Path) -> Path:
    """Where the file is kept as it was."""
    return path.with_name(f"{path.name}.before-unilab")


def apply(path: Path, settings: Json, check: bool = False) -> Change:
    """Merge ``settings`` into the JSON object in ``path``, and undo those of an earlier call first.

    Objects are merged key by key, any other value is replaced. ``check`` changes nothing.
    Raises LabError where the file is no JSON object.
    """
    before = read_text(path)
    current, ours, original = _object(path, before), _ours(path), _original(path)
    undone = current if ours is None else _without(current, ours, original)
    wanted = _merged(undone, settings)
    after = before if before is not None and wanted == current else _text(wanted)
    changed = after != before or ours != settings
    if changed and not check:
        if ours is None and before is not None:
            write_text(backup_of(path), before)
        write_text(_record(path), _text(settings))
        write_text(path, after or "")
    return Change(before, after, changed)


def remove(path: Path, check: bool = False) -> Change:
    """Take out what ``apply`` merged. What others have changed since then stays.

    ``check`` changes nothing. Raises LabError where the file is no JSON object.
    """
    before, ours = read_text(path), _ours(path)
    if ours is None:
        return Change(before, before, False)
    original_text = read_text(backup_of(path))
    restored = _without(_object(path, before), ours, _original(path))
    if original_text is not None and restored == _object(path, original_text):
        after: str | None = original_text
    else:
        after = _text(restored) if restored or original_text is not None else None
    if not check:
        if after is None:
            path.unlink(missing_ok=True)
        else:
            write_text(path, after)
        backup_of(path).unlink(missing_ok=True)
        _record(path).unlink()
    return Change(before, after, True)


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.unilab.json")


def _ours(path: Path) -> Json | None:
    text = read_text(_record(path))
    return None if text is None else _object(_record(path), text)


def _original(path: Path) -> Json:
    return _object(path, read_text(backup_of(path)))


def _object(path: Path, text: str | None) -> Json:
    if text is None or not text.strip():
        return {}
    try:
        content = json.loads(text)
    except ValueError as error:
        raise LabError(f"{path}: not JSON: {error}. Remedy: correct the file, or move it away.") from None
    if not isinstance(content, dict):
        raise LabError(f"{path}: not a JSON object. Remedy: correct the file, or move it away.")
    return content


def _text(content: Json) -> str:
    return json.dumps(content, indent=2) + "\n"


def _merged(current: Json, settings: Mapping[str, Any]) -> Json:
    merged = dict(current)
    for key, value in settings.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if isinstance(old, dict) and both else value
    return merged


def _without(current: Json, ours: Mapping[str, Any], original: Mapping[str, Any]) -> Json:
    """``current`` with each value that is still ours replaced by the original one, or removed."""
    restored = dict(current)
    for key, value in ours.items():
        found = restored.get(key)
        if isinstance(found, dict) and isinstance(value, Mapping):
            inner = original.get(key)
            restored[key] = _without(found, value, inner if isinstance(inner, dict) else {})
            if not restored[key] and key not in original:
                del restored[key]
        elif key in restored and found == value:
            if key in original:
                restored[key] = original[key]
            else:
                del restored[key]
    return restored
