"""Commands of README and docs, as they are written there.

A block of commands is indented by four spaces, or fenced without a language or as ``sh``. A line of it is a
command with an optional comment; a backslash joins it with the next. Other indented blocks are listings:
their first word is a path, or no word at all. Fenced blocks with a language are files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *sorted(PROJECT.glob("docs/*.md")),
    *sorted(PROJECT.glob("benchmarks/**/*.md")),
]

_FENCE = re.compile(r"^```(\w*)$")
_WORD = re.compile(r"[a-z.$][\w./$-]*")
_SHELL = ("", "sh", "bash")


@dataclass(frozen=True)
class Command:
    """One command: the document and its section (last heading), and the text without its comment."""

    document: str
    section: str
    text: str

    @property
    def program(self) -> str:
        """First word that is no assignment of a variable, without ``sudo``."""
        words = [word for word in self.text.split() if "=" not in word.split("/")[0] and word != "sudo"]
        return words[0] if words else ""

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


def commands(path: Path) -> list[Command]:
    """All commands of a document, in its order."""
    name = str(path.relative_to(PROJECT))
    return [
        Command(name, section, text)
        for section, lines in _blocks(path.read_text(encoding="utf-8").splitlines())
        if _is_command(lines[0])
        for text in _joined(lines)
    ]


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Section and lines of each block that may hold commands."""
    section, block, fence, before = "", [], None, ""
    for line in [*lines, ""]:
        mark = _FENCE.match(line)
        if mark and fence is None:
            fence = mark[1]
        elif mark:
            if block and fence in _SHELL:
                yield section, block
            fence, block = None, []
        elif fence is not None:
            block.append(line)
        elif line.startswith("    ") and (block or before == "" or before.startswith("#")):
            block.append(line[4:])
        elif block:
            yield section, block
            block = []
        if line.startswith("#"):
            section = line.strip("# ")
        before = line
    if block:
        yield section, block


def _is_command(line: str) -> bool:
    """Whether the first word is a program's, and not a folder's, a drawing's or a formula's."""
    words = [word for word in line.split() if not re.match(r"[A-Z_]+=", word)]
    return bool(words) and bool(_WORD.fullmatch(words[0])) and not words[0].endswith((".py", ".json", "/"))


def _joined(lines: list[str]) -> Iterator[str]:
    text = ""
    for line in lines:
        text = f"{text}{line.strip()}"
        if text.endswith("\\"):
            text = text[:-1]
            continue
        if command := re.sub(r"(^|\s+)#( .*)?$", "", text):
            yield command
        text = ""
