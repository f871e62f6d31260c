"""``meta/run.yaml``: the ways in which a Capstan package can be run (Capstan, runtime/*.go).

    runtime: native                 native, node, java or python; decides which keys a set has
    config_set:
      default:
        bootcmd: /app/server
        env: {NAME: value}
        base: package:set           instead of a command: that of a required package
    config_set_default: default

node, java and python are short forms of a set of the package that contains their interpreter: their keys set
the variables of its command, such as ``$MAIN`` and ``$ARGS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.capstan.text import Flag, Text, TextList, TextMap
from contracts.errors import InputError, validate

BASES_MAX = 100
_REMEDY = "compare with docs/formats.md, which lists every key"
_SET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class _Set(BaseModel):
    """What every config set has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The package and set that Capstan takes for ``base`` where none is given.
    interpreter: ClassVar[str] = ""

    env: TextMap = {}
    base: Text = Field(default="", pattern=r"^([^:\s]+:[^:\s]+)?$")

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
            raise ValueError(f"'{min(given)}' cannot be combined with a base of its own: remove one of them")


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
            raise ValueError("bootcmd is missing: write it, or a base")
        return self


class _ScriptSet(_Set):
    main: Text = ""
    args: TextList = []
    shell: Flag = False

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
    config_set_default: Text = ""

    @field_validator("config_set", mode="before")
    @classmethod
    def _empty_sets(cls, sets: Any) -> Any:
        """Capstan takes a set without keys, and no set at all, for empty mappings."""
        if isinstance(sets, dict):
            return {name: {} if keys is None else keys for name, keys in sets.items()}
        return {} if sets is None else sets


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
    """A set with its bases.

    Attributes:
        command: the last base's command.
        variables: what ``$NAME`` in it stands for: the environment, and the parameters of a runtime's set.
        env_names: names of the variables that some set has under ``env``.
        parameter_names: names of the variables that come from other keys, such as ``args``.
    """

    command: str
    variables: Mapping[str, str]
    env_names: frozenset[str]
    parameter_names: frozenset[str]

    @property
    def script(self) -> str:
        """The line that Capstan writes into ``/run/SET``."""
        given = [f"--env={name}?={value}" for name, value in sorted(self.variables.items()) if value]
        return " ".join([*(f'"{word}"' if " " in word else word for word in given), self.command])


def resolve(package: str, name: str, runs: Mapping[str, Run]) -> Resolved:
    """The set ``name`` of ``package`` with its bases; ``runs`` has the packages that are there.

    A set's values replace those of its base. Raises InputError for a base that is not there, or for bases
    that form a circle.
    """
    variables: dict[str, str] = {}
    empty: dict[str, str] = {}
    env_names: set[str] = set()
    parameter_names: set[str] = set()
    seen: dict[str, None] = {}
    while True:
        one = runs[package].sets[name]
        seen[f"{package}:{name}"] = None
        given = {parameter: value for parameter, value in one.parameters.items() if value}
        env_names |= set(one.env)
        parameter_names |= set(given) - set(one.env) - set(variables)
        variables = {**given, **one.env, **variables}
        empty |= dict.fromkeys(one.parameters, "")
        if not one.based_on:
            return Resolved(
                one.command, {**empty, **variables}, frozenset(env_names), frozenset(parameter_names)
            )
        file, key = runs[package].file, f"config_set.{name}.base"
        package, _, name = one.based_on.partition(":")
        problem = _problem_of_base(package, name, runs, seen)
        if problem:
            raise InputError(file, key, *problem)


def _problem_of_base(
    package: str, name: str, runs: Mapping[str, Run], seen: Mapping[str, None]
) -> tuple[str, str] | None:
    """Problem and remedy, unless the set ``name`` of ``package`` is there and not yet seen."""
    base = f"{package}:{name}"
    if len(seen) == BASES_MAX:
        return f"has more than {BASES_MAX} bases", "name the last of them directly"
    if base in seen:
        circle = " -> ".join([*seen, base])
        return f"forms a circle: {circle}", "end it with a bootcmd"
    if package not in runs:
        problem = f"package '{package}' is not required, or has no meta/run.yaml"
        return problem, "add it to 'require' in meta/package.yaml"
    if name not in runs[package].sets:
        known = ", ".join(runs[package].sets)
        problem = f"package '{package}' has no config set '{name}'; it has {known}"
        return problem, "name one of them"
    return None
