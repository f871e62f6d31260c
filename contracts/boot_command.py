"""OSv's boot command, as Capstan writes it into an image, brought down to what every runtime can be told.

OSv takes ``[--OPTION=VALUE ...] PROGRAM ARGUMENTS``; words are parted by white space, ``"..."`` quotes one,
unquoted ``;`` ``&`` ``!`` end a program, and ``$NAME`` stands for the environment up to the word's end
(OSv, core/commands.cc and loader.cc). A container and a Linux guest know none of this.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InputError

_TOKEN = re.compile(r"""\s*(?:"((?:\\.|[^"\\])*)"|((?!")(?:\\.|[^\s;&!\\])+)|(&!|[;&!]))""")
_ESCAPE = re.compile(r"\\(.)")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Where OSv looks for a program whose name has no slash.
SEARCHED = ("/", "/usr/lib")


@dataclass(frozen=True)
class BootCommand:
    """One program, for every runtime.

    Attributes:
        cmdline: absolute guest path and arguments, parted by single spaces, without quotes.
        env: its environment; no value has white space.
        osv_suffix: what only OSv needs after the command line, such as " !".
        notices: what was left out, each naming it.
    """

    cmdline: str
    env: dict[str, str]
    osv_suffix: str
    notices: tuple[str, ...]


def boot_command(
    file: Path, key: str, text: str, variables: Mapping[str, str], guests: Collection[str] = ()
) -> BootCommand:
    """Read ``text``, the value of ``key`` in ``file``.

    ``variables`` are what ``$NAME`` stands for beside the command's own ``--env=``; ``guests`` are guest
    paths that are known to be staged, for programs named without a slash.
    Raises InputError where the text starts no program or several, or cannot be said to every runtime.
    """
    words, suffix = _one_program(file, key, text)
    env: dict[str, str] = {}
    notices: list[str] = []
    folder = "/"
    while words and words[0].startswith("-"):
        option, _, value = words.pop(0).partition("=")
        if option == "--env":
            _set(env, variables, value, file, key)
        elif option == "--cwd":
            folder = posixpath.join("/", value)
            notices.append(f"{key}: --cwd={value} is left out: a program starts in / in every runtime")
        else:
            shown = f"{option}={value}" if value else option
            notices.append(f"{key}: {shown} is left out: OSv's options are the laboratory's to give")
    if not words:
        raise InputError(file, key, "names no program", "name the program by its absolute guest path")
    if any('"' in word for word in words):
        notices.append(f'{key}: " within a word is left out: OSv, Linux and Docker read it differently')
    known = {**variables, **env}
    words = [word.replace('"', "") for word in words]
    expanded = [part for word in words for part in _expanded(word, known, key, notices).split()]
    if not expanded:
        raise InputError(file, key, f"'{words[0]}' stands for nothing", "set the variable under 'env'")
    for word in expanded:
        if re.search(r"[;&!$]", word):
            problem = f"the word '{word}' cannot be said to OSv, Linux and Docker alike"
            raise InputError(file, key, problem, "leave out ; & ! and $ within words")
    program = _absolute(expanded[0], folder, guests, key, notices)
    return BootCommand(" ".join([program, *expanded[1:]]), env, suffix, tuple(notices))


def checked_env(file: Path, key: str, env: Mapping[str, str]) -> dict[str, str]:
    """``env`` as it is; raises InputError for a name or value that a boot command line cannot carry."""
    for name, value in env.items():
        if not _ENV_NAME.fullmatch(name):
            raise InputError(file, f"{key}.{name}", "not a variable's name", "use letters, digits and _")
        if any(character.isspace() for character in value):
            raise InputError(
                file,
                f"{key}.{name}",
                "a boot command line cannot carry white space in a value",
                "choose a value without it",
            )
    return dict(env)


def _one_program(file: Path, key: str, text: str) -> tuple[list[str], str]:
    programs: list[tuple[list[str], str]] = [([], "")]
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            problem = f"cannot be read from '{text[at : at + 20].strip()}' on"
            raise InputError(file, key, problem, "close the quote, or complete the escape")
        at = token.end()
        quoted, plain, operator = token.groups()
        if operator:
            programs[-1] = (programs[-1][0], operator)
            programs.append(([], ""))
            continue
        word = _ESCAPE.sub(r"\1", quoted if plain is None else plain)
        if quoted is not None and (not word or any(character.isspace() for character in word)):
            problem = f"a kernel's command line cannot carry the word '{word}', empty or with white space"
            raise InputError(file, key, problem, "give it by a file or a variable that the program reads")
        programs[-1][0].append(word)
    started = [(words, operator) for words, operator in programs if words]
    if len(started) > 1:
        raise InputError(file, key, f"starts {len(started)} programs", "name one: a service is one program")
    words, operator = started[0] if started else ([], "")
    return words, f" {operator}" if operator not in ("", ";") else ""


def _set(env: dict[str, str], variables: Mapping[str, str], text: str, file: Path, key: str) -> None:
    name, separator, value = text.partition("=")
    if not separator:
        raise InputError(file, key, f"--env={text} sets nothing", "write --env=NAME=VALUE")
    if name.endswith("?"):
        name = name[:-1]
        if name in env or name in variables:
            return
    env[name] = value
    checked_env(file, key, {name: value})


def _expanded(word: str, variables: Mapping[str, str], key: str, notices: list[str]) -> str:
    before, dollar, name = word.partition("$")
    if dollar and name not in variables:
        notices.append(f"{key}: ${name} is not set: as in OSv, nothing stands in its place")
    return before + variables.get(name, "") if dollar else word


def _absolute(program: str, folder: str, guests: Collection[str], key: str, notices: list[str]) -> str:
    if "/" in program:
        return "/" + posixpath.normpath(posixpath.join(folder, program)).lstrip("/")
    found = [path for path in (posixpath.join(place, program) for place in SEARCHED) if path in guests]
    path = found[0] if found else posixpath.join(SEARCHED[0], program)
    notices.append(f"{key}: '{program}' has no path: taken for {path}, where OSv would find it first")
    return path
