"""The table of messages, and the check of a call and of an answer against it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TABLE = yaml.safe_load(Path(__file__).with_name("messages.yml").read_text(encoding="utf-8"))
NULL = "OpaqueRef:NULL"


class Failure(Exception):
    """An error as XAPI answers it: a code and its parameters."""

    def __init__(self, code: str, *params: str) -> None:
        names = TABLE["errors"][code]
        assert len(params) == len(names), f"{code} has the parameters {names}, not {params}"
        super().__init__(code, *params)
        self.description = [code, *params]


@dataclass(frozen=True)
class Message:
    """One message: its parameters with their types, without the session."""

    name: str
    params: dict[str, str]
    result: str
    optional: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def takes_session(self) -> bool:
        """All but logging in do."""
        return self.name != "session.login_with_password"


MESSAGES = {name: Message(name, **facts) for name, facts in TABLE["messages"].items()}


def message(name: str) -> Message:
    """The message ``name``. Raises Failure where the table has none."""
    if name not in MESSAGES:
        raise Failure("MESSAGE_METHOD_UNKNOWN", name)
    return MESSAGES[name]


def check_call(called: Message, params: tuple[Any, ...], exists: Any) -> None:
    """Check number and types of ``params``; ``exists(class, ref)`` is whether there is such an object.

    Raises Failure, as XAPI would.
    """
    fewest = len(called.params) - len(called.optional)
    if not fewest <= len(params) <= len(called.params):
        own = 1 if called.takes_session else 0
        expected, received = str(len(called.params) + own), str(len(params) + own)
        raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", called.name, expected, received)
    for (name, kind), value in zip(called.params.items(), params, strict=False):
        check(kind, value, name, exists)


def check(kind: str, value: Any, name: str, exists: Any) -> None:
    """Check that ``value`` is of the model's type ``kind``. Raises Failure."""
    if kind.endswith(" record"):
        _check_record(kind.removesuffix(" record"), value, exists)
    elif kind.endswith(" set"):
        _require(isinstance(value, list), name)
        for item in value:
            check(kind.removesuffix(" set"), item, name, exists)
    elif kind.endswith(" map"):
        key_kind, value_kind = re.fullmatch(r"\((.*) -> (.*)\) map", kind).groups()
        _require(isinstance(value, dict), name)
        for key, item in value.items():
            check(key_kind, key, name, exists)
            check(value_kind, item, name, exists)
    elif kind.endswith(" ref"):
        _require(isinstance(value, str), name)
        if not exists(kind.removesuffix(" ref"), value):
            raise Failure("HANDLE_INVALID", kind.removesuffix(" ref"), value)
    elif kind.startswith("enum "):
        _require(isinstance(value, str), name)
        if value not in TABLE["enums"][kind.removeprefix("enum ")]:
            raise Failure("INVALID_VALUE", name, value)
    elif kind == "int":
        _require(isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None, name)
    else:
        python = {"string": str, "bool": bool, "float": float}[kind]
        _require(isinstance(value, python), name)


def _check_record(name: str, value: Any, exists: Any) -> None:
    _require(isinstance(value, dict), name)
    takes = TABLE["constructors"][name]
    known = takes["required"] | takes["optional"]
    for key in takes["required"]:
        _require(key in value, key)
    for key, item in value.items():
        _require(key in known, key)
        check(known[key], item, key, exists)


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise Failure("FIELD_TYPE_ERROR", name)


def encode(kind: str, value: Any) -> Any:
    """``value`` as XAPI sends a result of type ``kind``: ints as decimal strings, void as ""."""
    if kind == "void":
        return ""
    if kind == "int":
        return str(value)
    if kind == "float":
        return float(value)
    if kind.endswith(" record"):
        fields = TABLE["fields"][kind.removesuffix(" record")]
        return {name: encode(of, value[name]) for name, of in fields.items()}
    return value
