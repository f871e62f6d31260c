"""``meta/run.yaml``: the ways in which a Capstan package is run (Capstan, runtime/*.go).

    runtime: native                 native, node, java or python; decides which keys a set has
    config_set:
      default:
        bootcmd: /app/server
        env: {NAME: value}
        base: package:set           instead of a command: that of a required package
    config_set_default: default

node, java and python are shorthands for a set of a package that holds their interpreter: they fill its
command's variables, such as ``$MAIN`` and ``$ARGS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.errors import InputError, validate
from contracts.plain_text import Text, TextList, TextMap

_REMEDY = "compare with docs/formats.md, which lists every key"
_SET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class _Set(BaseModel):
    """What every config set has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The package and set that Capstan takes for ``base`` where none is given.
    interpreter: ClassVar[str] = ""

    env: TextMap = {}
    base: str = Field(default="", pattern=r"^([^:\s]+:[^:\s]+)?$")

    @property
    def command(self) -> str:
        """The set's own command, "" where its base has it."""
        return ""

    @property
    def parameters(self) -> dict[str, str]:
        """What it gives to its base's command; empty values do not count."""
        return {}

    @property
    def based_on(self) -> str:
        """``package:set`` whose command it runs, "" for its own."""
        return self.base or self.interpreter

    def _only_base(self) -> None:
        given = self.model_fields_set - {"env", "base"}
        if given:
            raise ValueError(f"'{min(given)}' does not go with a base of one's own: leave out one of them")


class NativeSet(_Set):
    """A config set of runtime ``native``."""

    bootcmd: Text = ""

    @property
    def command(self) -> str:
        """Its ``bootcmd``."""
        return self.bootcmd

    @model_validator(mode="after")
    def _complete(self) -> NativeSet:
        if not self.base and not self.bootcmd:
            raise ValueError("bootcmd is missing: give it, or a base")
        return self


class _ScriptSet(_Set):
    main: Text = ""
    args: TextList = []
    shell: bool = False

    @model_validator(mode="after")
    def _complete(self) -> _ScriptSet:
        if self.base:
            self._only_base()
        elif self.shell and (self.main or self.args or {"MAIN", "ARGS"} & set(self.env)):
            raise ValueError("a shell takes neither main nor args")
        elif not self.shell and not self.main:
            raise ValueError("main is missing: name the script by its guest path")
        return self


class NodeSet(_ScriptSet):
    """A config set of runtime ``node``."""

    interpreter: ClassVar[str] = "node-4.4.5:node"

    node_args: TextList = []

    @property
    def parameters(self) -> dict[str, str]:
        """What Capstan gives to the command of Node.js."""
        return {"NODE_ARGS": " ".join(self.node_args), "MAIN": self.main, "ARGS": " ".join(self.args)}


class PythonSet(_ScriptSet):
    """A config set of runtime ``python``."""

    interpreter: ClassVar[str] = "python-2.7:python"

    python_args: TextList = []

    @property
    def parameters(self) -> dict[str, str]:
        """What Capstan gives to the command of Python."""
        main = "-" if self.shell else self.main
        return {"PYTHON_ARGS": " ".join(self.python_args), "MAIN": main, "ARGS": " ".join(self.args)}


class JavaSet(_Set):
    """A config set of runtime ``java``."""

    interpreter: ClassVar[str] = "openjdk8-zulu-compact1:java"

    main: Text = ""
    args: TextList = []
    classpath: TextList = []
    jvm_args: TextList = []
    xms: Text = ""
    xmx: Text = ""

    @property
    def parameters(self) -> dict[str, str]:
        """What Capstan gives to the command of a JDK, and to no other base's."""
        if not self._is_jdk:
            return {}
        jar = ["-jar"] if self.main.endswith(".jar") and "-jar" not in self.jvm_args else []
        return {
            "XMS": self.xms,
            "XMX": self.xmx,
            "CLASSPATH": ":".join(self.classpath or ["/"]),
            "JVM_ARGS": " ".join([*self.jvm_args, *jar]),
            "MAIN": self.main,
            "ARGS": " ".join(self.args),
        }

    @property
    def _is_jdk(self) -> bool:
        return self.based_on.startswith("openjdk")

    @model_validator(mode="after")
    def _complete(self) -> JavaSet:
        if not self._is_jdk:
            self._only_base()
        elif not self.main:
            raise ValueError("main is missing: name the class, or the jar by its guest path")
        return self


SETS: dict[str, type[_Set]] = {"native": NativeSet, "node": NodeSet, "java": JavaSet, "python": PythonSet}


class RunFile(BaseModel):
    """The content of ``meta/run.yaml``; each config set is checked as its runtime's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runtime: Literal["native", "node", "java", "python"]
    config_set: dict[str, dict[str, Any]] = Field(min_length=1)
    config_set_default: str = ""


@dataclass(frozen=True)
class Run:
    """A package's ``meta/run.yaml``: its sets by name, and the one that it names as default, or ""."""

    file: Path
    sets: Mapping[str, _Set]
    default: str

    def packages(self) -> Iterator[str]:
        """Packages that its sets need without naming them: their runtime's interpreter."""
        for one in self.sets.values():
            if not one.base and one.interpreter:
                yield one.interpreter.partition(":")[0]


def parse_run(content: Mapping[str, Any], file: Path) -> Run:
    """Check the ``content`` of ``file``. Raises InputError."""
    read = validate(RunFile, content, file, _REMEDY)
    sets: dict[str, _Set] = {}
    for name, raw in read.config_set.items():
        if not _SET_NAME.fullmatch(name):
            problem = f"'{name}' cannot name a file of /run"
            raise InputError(file, f"config_set.{name}", problem, "use letters, digits and . _ + -")
        try:
            sets[name] = validate(SETS[read.runtime], raw, file, _REMEDY)
        except InputError as error:
            key = ".".join(filter(None, ("config_set", name, error.key)))
            raise InputError(file, key, error.problem, error.remedy) from None
    default = read.config_set_default.strip()
    if "," in default:
        problem = f"'{default}' starts several programs"
        raise InputError(file, "config_set_default", problem, "name one: a service is one program")
    if default and default not in sets:
        problem = f"there is no config set '{default}'; there is {', '.join(sets)}"
        raise InputError(file, "config_set_default", problem, "name one of them")
    return Run(file, sets, default or (next(iter(sets)) if len(sets) == 1 else ""))


@dataclass(frozen=True)
class Resolved:
    """A set with its bases: the command, what its ``$NAME`` stand for, and the environment alone."""

    command: str
    variables: Mapping[str, str]
    env: Mapping[str, str]

    @property
    def script(self) -> str:
        """The line that Capstan writes into ``/run/SET``."""
        given = [f"--env={name}?={value}" for name, value in sorted(self.variables.items()) if value]
        return " ".join([*(f'"{word}"' if " " in word else word for word in given), self.command])


def resolve(package: str, name: str, runs: Mapping[str, Run]) -> Resolved:
    """The set ``name`` of ``package``; ``runs`` has the packages that are there.

    What a set says goes before what its base says. Raises InputError for a base that is not there, or
    that comes back to itself.
    """
    variables: dict[str, str] = {}
    env: dict[str, str] = {}
    empty: dict[str, str] = {}
    seen: list[str] = []
    while True:
        run = runs[package]
        one = run.sets[name]
        seen.append(f"{package}:{name}")
        env = {**one.env, **env}
        given = {parameter: value for parameter, value in one.parameters.items() if value}
        variables = {**given, **one.env, **variables}
        empty |= dict.fromkeys(one.parameters, "")
        if not one.based_on:
            return Resolved(one.command, {**empty, **variables}, env)
        key = f"config_set.{name}.base"
        package, _, name = one.based_on.partition(":")
        if f"{package}:{name}" in seen:
            circle = " -> ".join([*seen, f"{package}:{name}"])
            raise InputError(run.file, key, f"comes back to itself: {circle}", "end it with a bootcmd")
        if package not in runs:
            problem = f"package '{package}' is not required, or has no meta/run.yaml"
            raise InputError(run.file, key, problem, "add it to 'require' in meta/package.yaml")
        if name not in runs[package].sets:
            known = ", ".join(runs[package].sets)
            problem = f"package '{package}' has no config set '{name}'; it has {known}"
            raise InputError(run.file, key, problem, "name one of them")
