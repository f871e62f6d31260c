"""Entries of apt that name a repository, in all files and both formats: sources.list(5).

apt refuses every repository of a host where two entries name the same one with different keys. An entry is
disabled by a comment, so that it can be enabled again as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.files import read_text

FOLDER = Path("/etc/apt")
MARK = "# disabled by unilab: "

# deb [ option=value ... ] URI SUITE COMPONENTS
_ONE_LINE = re.compile(r"^\s*(?:deb|deb-src)\s+(?:\[[^]]*\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)")
_FIELD = re.compile(r"^(?P<name>[!-9;-~]+):(?P<value>.*)$")


@dataclass(frozen=True)
class Repository:
    """An address of apt, such as https://download.docker.com/linux/debian, and a suite, such as bookworm."""

    uri: str
    suite: str

    def matches(self, uri: str, suite: str) -> bool:
        """Whether an entry with this address and suite is one of this repository."""
        return (uri.rstrip("/"), suite) == (self.uri.rstrip("/"), self.suite)


def entry(repository: Repository, components: Sequence[str], signed_by: str) -> str:
    """The repository as the only stanza of a file of suffix .sources. ``signed_by``: path of its key."""
    fields = {
        "Types": "deb",
        "URIs": repository.uri,
        "Suites": repository.suite,
        "Components": " ".join(components),
        "Signed-By": signed_by,
    }
    return "# Written by unilab.\n" + "".join(f"{name}: {value}\n" for name, value in fields.items())


def disabled(repository: Repository, own: Path, folder: Path = FOLDER) -> dict[Path, str]:
    """Files, other than ``own``, with an entry of the repository, to their text with the entry disabled.

    Raises LabError where an entry names this repository together with others.
    """
    found = {}
    for path in _files(folder):
        text = read_text(path)
        if path == own or text is None:
            continue
        after = _disabled(path, text, repository)
        if after != text:
            found[path] = after
    return found


def enabled(folder: Path = FOLDER) -> dict[Path, str]:
    """Files with entries that ``disabled`` disabled, to their text with these entries as they were."""
    found = {}
    for path in _files(folder):
        text = read_text(path) or ""
        after = "".join(line.removeprefix(MARK) for line in text.splitlines(keepends=True))
        if after != text:
            found[path] = after
    return found


def _files(folder: Path) -> Iterator[Path]:
    """The files that apt reads; it ignores other names."""
    parts = folder / "sources.list.d"
    yield from (path for path in [folder / "sources.list"] if path.is_file())
    yield from sorted(path for path in parts.glob("*") if path.suffix in (".list", ".sources"))


def _disabled(path: Path, text: str, repository: Repository) -> str:
    if path.suffix == ".sources":
        return _by_stanza(text, lambda lines: _is_stanza_of(path, lines, repository))
    lines = text.splitlines(keepends=True)
    return "".join(MARK + line if _is_line_of(line, repository) else line for line in lines)


def _is_line_of(line: str, repository: Repository) -> bool:
    entry = _ONE_LINE.match(line)
    return bool(entry and repository.matches(entry["uri"], entry["suite"]))


def _by_stanza(text: str, chosen: Callable[[list[str]], bool]) -> str:
    """``text`` with every line of each chosen stanza disabled; a blank line ends a stanza."""
    parts = re.split(r"((?:^[ \t]*\n)+)", text, flags=re.MULTILINE)
    stanzas = [part.splitlines(keepends=True) for part in parts]
    return "".join(
        "".join(MARK + line for line in lines) if chosen(lines) else "".join(lines) for lines in stanzas
    )


def _is_stanza_of(path: Path, lines: list[str], repository: Repository) -> bool:
    fields = _fields(lines)
    pairs = list(product(fields.get("uris", "").split(), fields.get("suites", "").split()))
    matching = [repository.matches(uri, suite) for uri, suite in pairs]
    if fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable", "0"):
        return False
    if any(matching) and not all(matching):
        raise LabError(
            f"{path}: one entry names {repository.uri} {repository.suite} together with other repositories. "
            "Remedy: give each repository an entry of its own, or remove the file."
        )
    return any(matching)


def _fields(lines: list[str]) -> dict[str, str]:
    """Fields of a stanza, names in lower case; a line that begins with white space continues a field."""
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if line.startswith("#"):
            continue
        field = _FIELD.match(line)
        if field and not line[0].isspace():
            name = field["name"].lower()
            fields[name] = field["value"].strip()
        elif name:
            fields[name] += f" {line.strip()}"
    return fields
