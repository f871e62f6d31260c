"""The phases of a run: what site.yml imports, in its order, and the plays of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

_PLAYBOOK = re.compile(r"playbooks/[a-z_]+\.yml")


@dataclass(frozen=True)
class Phase:
    """One playbook of site.yml.

    Attributes:
        name: what site.yml calls it.
        plays: names of its plays.
    """

    name: str
    plays: tuple[str, ...]


def read_phases(site: Path) -> list[Phase]:
    """The phases of the playbook ``site``. Raises ValueError where an import names no file of playbooks/."""
    phases = []
    for row in yaml.safe_load(site.read_text(encoding="utf-8")):
        found = _PLAYBOOK.search(row["import_playbook"])
        if found is None:
            raise ValueError(f"{site}: {row['import_playbook']!r} names no file of playbooks/")
        plays = yaml.safe_load((site.parent / found[0]).read_text(encoding="utf-8"))
        phases.append(Phase(row["name"], tuple(play["name"] for play in plays)))
    return phases
