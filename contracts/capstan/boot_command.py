"""OSv's boot command, as Capstan writes it into an image, as one program that every runtime can start.

OSv reads it in two ways. A Capstanfile's ``cmdline`` is the kernel's own command line: the options before the
program end at white space, ``\\`` escapes one character, values stay as written (OSv, loader_parse_cmdline in
core/commands.cc, parse_options in loader.cc). A config set's ``bootcmd`` is a line of a script in ``/run``,
whose only option is ``--env=``, and ``$NAME`` in its value is the environment's (runscript_process_options).
In both the rest is words that end at a space. ``"..."`` quotes one; ``\\`` escapes only the characters a b f
n r t v \\ ' and "; unquoted ``;`` ``&`` ``!`` end a program; ``$NAME`` stands for the environment up to the
word's end (``command`` and expand_environ_vars). Containers and Linux guests have none of these rules.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import InputError

_ESCAPED = r"\\[abfnrtv\\'\"]"
_ESCAPE = re.compile(_ESCAPED)
_MEANING = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_TOKEN = re.compile(
    rf"""\s*(?:"((?:{_ESCAPED}|[^"\\]|\\(?![abfnrtv\\'"]))*)\"|"""
    rf"""((?:{_ESCAPED}|[^\s;&!\\]|\\(?![abfnrtv\\'"]))+)|(&!|[;&!]))"""
)
_OPTION = re.compile(r"\s*(-(?:\\.|[^ \t\n\\])*)", re.DOTALL)
_LOADER_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Where OSv looks for a program whose name has no slash.
SEARCHED = ("/", "/usr/lib")


@dataclass(frozen=True)
class BootCommand:
    """One program, for every runtime.

    Attributes:
        cmdline: absolute guest path and arguments, separated by single spaces, without quotes.
        env: its environment; no value has white space.
        osv_suffix: what only OSv needs after the command, such as " !".
        notices: what is not honoured; each names the key and the remedy.
    """

    cmdline: str
    env: dict[str, str]
    osv_suffix: str
    notices: tuple[str, ...]


@dataclass
class _Reading:
    """One command while it is read: where it stands, and what has been found."""

    file: Path
    key: str
    variables: Mapping[str, str]
    is_script: bool
    env: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def error(self, problem: str, remedy: str) -> InputError:
        return InputError(self.file, self.key, problem, remedy)

    def notice(self, text: str) -> None:
        self.notices.append(f"{self.key}: {text}")

    def set_variable(self, text: str) -> None:
        """Honour the option ``--env=text``. Raises InputError."""
        name, separator, value = text.partition("=")
        if not separator:
            raise self.error(f"--env={text} sets nothing", "write --env=NAME=VALUE")
        known = {**self.variables, **self.env}
        if name.endswith("?"):
            name = name[:-1]
            if name in known:
                return
        if self.is_script:
            value, missing = _filled(value, known)
            if missing is not None:
                self.notices.append(_not_set(self.key, missing, f"the value of {name}"))
        elif "$" in value:
            self.notices.append(stays_as_written(self.key, name, value))
        checked_env(self.file, self.key, {name: value})
        self.env[name] = value


def boot_command(  # noqa: PLR0917 - file and key are where the text stands
    file: Path,
    key: str,
    text: str,
    variables: Mapping[str, str],
    guests: Collection[str] = (),
    is_script: bool = False,
) -> BootCommand:
    """Read ``text``, the value of ``key`` in ``file``: a kernel's command line, or a line of a script.

    ``variables`` are what ``$NAME`` stands for beside the command's own ``--env=``; ``guests`` are guest
    paths that are known to be staged, for programs named without a slash.
    Raises InputError where the text starts no program or several, or a runtime cannot be given it.
    """
    reading = _Reading(file, key, variables, is_script)
    _check_lines(reading, text)
    options, rest = ([], text) if is_script else _loader_options(text)
    words, suffix = _one_program(reading, rest)
    while is_script and words and words[0].startswith("-"):
        options.append(words.pop(0))
    folder = _honour_options(reading, options)
    if not words:
        raise reading.error("names no program", "name the program by its absolute guest path")
    expanded = _expanded(reading, words)
    program = _absolute(reading, expanded[0], folder, guests)
    cmdline = " ".join([program, *expanded[1:]])
    return BootCommand(cmdline, reading.env, suffix, tuple(reading.notices))


def script_variables(key: str, values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """``values`` with ``$NAME`` replaced as OSv's runscript does, and notices of names that are not set.

    Capstan writes them in random order (a map of Go), so that a name may be set too late; here a value always
    comes after those that it names. A name that stands for itself is not set.
    """
    done: dict[str, str] = {}
    notices: list[str] = []
    for first in sorted(values):
        chain: dict[str, None] = {}
        name = first
        while name in values and name not in done and name not in chain:
            chain[name] = None
            name = values[name].partition("$")[2]
        for name in reversed(chain):
            done[name], missing = _filled(values[name], done)
            if missing is not None:
                notices.append(_not_set(f"{key}.{name}", missing, "the value"))
    return {name: done[name] for name in values}, notices


def checked_env(file: Path, key: str, env: Mapping[str, str]) -> dict[str, str]:
    """``env`` as it is; raises InputError for a name or value that a boot command line cannot carry."""
    for name, value in env.items():
        if not _ENV_NAME.fullmatch(name):
            raise InputError(file, f"{key}.{name}", "not a variable's name", "use letters, digits and _")
        if any(character.isspace() or not character.isprintable() for character in value):
            raise InputError(
                file,
                f"{key}.{name}",
                "a boot command line cannot carry white space in a value",
                "choose a value without it; '|-' and '>-' omit the line break at its end",
            )
    return dict(env)


def stays_as_written(key: str, name: str, value: str) -> str:
    """The notice of a ``$`` in the value of an option of OSv's kernel, which replaces no names in it."""
    return (
        f"{key}: the value of {name} stays '{value}': OSv replaces $NAME in a command and in meta/run.yaml, "
        "not in its own options. Remedy: write the value out"
    )


def _not_set(key: str, name: str, where: str) -> str:
    return (
        f"{key}: ${name} in {where} is not set: as in OSv, nothing stands in its place. "
        f"Remedy: set {name} under 'env', or write the value out"
    )


def _filled(text: str, variables: Mapping[str, str]) -> tuple[str, str | None]:
    """``text`` with all after its first ``$`` as a variable's value; the name, where it is not set."""
    before, dollar, name = text.partition("$")
    if not dollar:
        return text, None
    return before + variables.get(name, ""), None if name in variables else name


def _check_lines(reading: _Reading, text: str) -> None:
    """Refuse a script of several lines; give a notice of white space that OSv takes for text."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2 and "\t" not in text.strip():
        return
    if reading.is_script and len(lines) > 1:
        problem = f"has {len(lines)} lines, each of which OSv runs as a command of its own"
        raise reading.error(problem, "write one line; '>' instead of '|' joins several")
    reading.notice(
        "tabs and line breaks are read as spaces; OSv itself does not. Remedy: write one line, or use '>'"
    )


def _loader_options(text: str) -> tuple[list[str], str]:
    """The options before the program, and the rest."""
    options, at = [], 0
    while match := _OPTION.match(text, at):
        options.append(_LOADER_ESCAPE.sub(r"\1", match[1]))
        at = match.end()
    return options, text[at:]


def _honour_options(reading: _Reading, options: list[str]) -> str:
    """Set variables, give notices of all other options, return the folder in which paths begin."""
    folder = "/"
    for text in options:
        option, _, value = text.partition("=")
        if option == "--env":
            reading.set_variable(value)
            continue
        if option == "--cwd":
            folder = posixpath.join("/", value)
            reading.notice(
                f"--cwd={value} is omitted: every runtime starts programs in /. Remedy: use absolute paths"
            )
            continue
        reading.notice(f"{text} is omitted: the laboratory sets OSv's options. Remedy: remove it")
    return folder


def _one_program(reading: _Reading, text: str) -> tuple[list[str], str]:
    """The words of the only program in ``text``, and what ends it, for OSv alone."""
    programs: list[tuple[list[str], str]] = [([], "")]
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None or (token[2] or "").startswith('"'):
            raise reading.error(f"cannot be read from '{text[at : at + 20].strip()}' on", "close the quote")
        at = token.end()
        quoted, plain, operator = token.groups()
        if operator:
            programs[-1] = (programs[-1][0], operator)
            programs.append(([], ""))
            continue
        word = _unescaped(quoted if plain is None else plain)
        if quoted is not None and (not word or any(character.isspace() for character in word)):
            problem = f"a kernel's command line cannot carry the word '{word}', empty or with white space"
            raise reading.error(problem, "give it by a file or a variable that the program reads")
        programs[-1][0].append(word)
    started = [(words, operator) for words, operator in programs if words]
    if len(started) > 1:
        raise reading.error(f"starts {len(started)} programs", "name one: a service is one program")
    words, operator = started[0] if started else ([], "")
    return words, f" {operator}" if operator not in ("", ";") else ""


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _MEANING.get(match[0][1], match[0][1]), text)


def _expanded(reading: _Reading, words: list[str]) -> list[str]:
    """``words`` with variables filled in, without what a runtime cannot be given. Raises InputError."""
    known = {**reading.variables, **reading.env}
    expanded: list[str] = []
    for word in words:
        if '"' in word:
            reading.notice(
                f'" in the word {word} is omitted: OSv, Linux and Docker read it differently. '
                "Remedy: give it by a file or a variable"
            )
        plain = _without_control_characters(reading, word.replace('"', ""))
        text, missing = _filled(plain, known)
        if missing is not None:
            reading.notices.append(_not_set(reading.key, missing, f"the word {plain}"))
        expanded += text.split()
    if not expanded:
        raise reading.error(f"'{words[0]}' stands for nothing", "set the variable under 'env'")
    for word in expanded:
        if re.search(r"[;&!$]", word) or _unescaped(word) != word:
            problem = f"the word '{word}' cannot be given to OSv, Linux and Docker alike"
            raise reading.error(problem, "omit ; & ! $ and escapes within words")
    return expanded


def _without_control_characters(reading: _Reading, word: str) -> str:
    kept = "".join(character for character in word if character.isprintable())
    if kept != word:
        shown = word.encode("unicode_escape").decode()
        reading.notice(
            f"the control characters of the word {shown} are omitted: no kernel's command line can carry "
            "them. Remedy: give them by a file that the program reads"
        )
    return kept


def _absolute(reading: _Reading, program: str, folder: str, guests: Collection[str]) -> str:
    if "/" in program:
        return "/" + posixpath.normpath(posixpath.join(folder, program)).lstrip("/")
    found = [path for path in (posixpath.join(place, program) for place in SEARCHED) if path in guests]
    path = found[0] if found else posixpath.join(SEARCHED[0], program)
    reading.notice(
        f"'{program}' has no path: taken for {path}, where OSv looks first. Remedy: write the absolute path"
    )
    return path
