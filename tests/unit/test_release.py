"""One version: in the package, the citation and the newest entry of the changelog."""

from __future__ import annotations

import re
from pathlib import Path

import tomllib
import yaml

PROJECT = Path(__file__).resolve().parents[2]


def test_package_citation_and_changelog_have_the_same_version_and_date() -> None:
    package = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    changelog = (PROJECT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[(\d[\d.]+)\] - (\S+)$", changelog, re.MULTILINE)
    assert newest is not None
    assert (package, package, citation["date-released"].isoformat()) == (
        citation["version"],
        *newest.groups(),
    )
