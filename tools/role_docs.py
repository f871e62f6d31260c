"""Write ``roles/ROLE/README.md`` from the role's own files: meta, argument specification and defaults.

Usage: ``python tools/role_docs.py``. ``--check`` writes nothing, and ends with 1 where a README differs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
HEAD = "<!-- Written by `make docs` from meta/ and defaults/. Change those. -->"
UNDO = "absent"

Yaml = dict[str, Any]


def main() -> int:
    """Write or check every README; return the exit code."""
    check = "--check" in sys.argv[1:]
    stale = []
    for role in sorted(path.parent.parent for path in PROJECT.glob("roles/*/meta/main.yml")):
        path, text = role / "README.md", render(role)
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(PROJECT)))
        if not check:
            path.write_text(text)
    if check and stale:
        print(f"Out of step: {', '.join(stale)}. Remedy: run `make docs`.", file=sys.stderr)
        return 1
    return 0


def render(role: Path) -> str:
    """README of the role in the folder ``role``, in Markdown."""
    meta: Yaml = _read(role / "meta/main.yml")["galaxy_info"]
    entry_points: Yaml = _read(role / "meta/argument_specs.yml")["argument_specs"]
    defaults: Yaml = _read(role / "defaults/main.yml")
    parts = [HEAD, f"# {role.name}"]
    parts += _introduction(entry_points["main"])
    parts += [f"Hosts: {_platforms(meta)}.", *_undo(role.name, entry_points["main"])]
    parts += ["## Commands", _commands(role.name)]
    for name, entry_point in entry_points.items():
        heading = "## Options" if name == "main" else f"## Options with `tasks_from: {name}`"
        parts += [
            heading,
            *([] if name == "main" else _introduction(entry_point)),
            _table(entry_point, defaults),
        ]
    return "\n\n".join(parts) + "\n"


def _commands(role: str) -> str:
    lines = [f"    ansible-doc -t role -r roles {role}    # the options in the terminal"]
    if (PROJECT / "molecule" / role).is_dir():
        lines.append(f"    molecule test -s {role}                # the test of this role, as root")
    return "\n".join(lines)


def _introduction(entry_point: Yaml) -> list[str]:
    description = entry_point.get("description", [])
    paragraphs = [description] if isinstance(description, str) else description
    return [f"{entry_point['short_description']}.", *map(_markdown, paragraphs)]


def _platforms(meta: Yaml) -> str:
    return ", ".join(f"{row['name']} ({', '.join(row['versions'])})" for row in meta["platforms"])


def _undo(role: str, entry_point: Yaml) -> list[str]:
    """How the role is undone, where it can be."""
    state = entry_point["options"].get(f"{role}_state", {})
    return [f"Undo: `{role}_state: {UNDO}`."] if UNDO in state.get("choices", []) else []


def _table(entry_point: Yaml, defaults: Yaml) -> str:
    rows = ["| option | type | default | meaning |", "|---|---|---|---|"]
    for name, option in entry_point.get("options", {}).items():
        rows.append(
            f"| `{name}` | {_type(option)} | {_default(name, option, defaults)} | {_meaning(option)} |"
        )
        rows += [
            f"| `{name}.{key}` | {_type(part)} | {_default('', part, {})} | {_meaning(part)} |"
            for key, part in option.get("options", {}).items()
        ]
    return "\n".join(rows)


def _row(name: str, option: Yaml, defaults: Yaml) -> str:
    return f"| `{name}` | {_type(option)} | {_default(name, option, defaults)} | {_meaning(option)} |"


def _type(option: Yaml) -> str:
    kind = str(option.get("type", "str"))
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def _default(name: str, option: Yaml, defaults: Yaml) -> str:
    if option.get("required"):
        return "required"
    value = defaults.get(name, option.get("default"))
    if value is None:
        return ""
    text = value if isinstance(value, str) and value else json.dumps(value)
    return f"`{' '.join(text.split())}`".replace("|", "\\|")


def _meaning(option: Yaml) -> str:
    description = option["description"]
    text = description if isinstance(description, str) else " ".join(description)
    choices = option.get("choices")
    return _markdown(text) + (f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else "")


def _markdown(text: str) -> str:
    """Ansible's markup, such as C(...) and O(...), as Markdown's code."""
    return re.sub(r"\b[CIOMV]\(([^)]*)\)", r"`\1`", " ".join(text.split())).replace("|", "\\|")


def _read(path: Path) -> Yaml:
    content: Yaml = yaml.safe_load(path.read_text()) or {}
    return content


if __name__ == "__main__":
    sys.exit(main())
