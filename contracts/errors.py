"""One error for bad input: it names the file, the key and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class InputError(ValueError):
    """Input that a person wrote and can mend.

    The message is one line: ``FILE: key KEY: what is wrong. Remedy: what to do.``
    """

    def __init__(self, file: Path | str, key: str, problem: str, remedy: str) -> None:
        self.file, self.key, self.problem, self.remedy = str(file), key, problem, remedy
        where = f"{file}: key {key}" if key else str(file)
        super().__init__(f"{where}: {problem.rstrip('.')}. Remedy: {remedy.rstrip('.')}.")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str, str]]:
        """Its parts, so that another process can raise it."""
        return InputError, (self.file, self.key, self.problem, self.remedy)


class _KeyTwiceError(Exception):
    """A mapping says ``key`` twice, for the second time in ``line``."""

    def __init__(self, key: str, line: int) -> None:
        self.key, self.line = key, line
        super().__init__(key)


class _UniqueKeys(yaml.SafeLoader):
    """YAML forbids a key that is given twice (1.2.2, 3.2.1.3); PyYAML keeps the last and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    raise _KeyTwiceError(key.value, key.start_mark.line + 1)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Return the mapping in the YAML file ``path``; ``what`` names its kind in messages.

    Raises InputError when the file is missing, unreadable, not YAML, or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            path, "", f"cannot read this {what}: {reason}", "give the path of an existing file"
        ) from None
    return parse_yaml(text, path, what)


def parse_yaml(text: str | bytes, path: Path, what: str) -> dict[str, Any]:
    """Return the mapping that ``text``, the content of ``path``, is in YAML; ``what`` as in read_yaml.

    Raises InputError when it is not YAML, not a mapping, or says a key twice.
    """
    try:
        content = yaml.load(text, Loader=_UniqueKeys)  # a SafeLoader
    except _KeyTwiceError as error:
        raise InputError(
            path, error.key, f"given twice, for the second time in line {error.line}", "keep one of the two"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(path, "", f"not YAML: {reason}", "mend the syntax at that place") from None
    if not isinstance(content, dict):
        raise InputError(
            path,
            "",
            f"a {what} is a mapping, this is {type(content).__name__}",
            "see docs/formats.md for an example",
        )
    return content


def validate(model: type[Model], content: Any, path: Path, remedy: str) -> Model:
    """Return ``content`` as ``model``; raise InputError for the first thing that is wrong."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            where = model.__name__.lower() if len(first["loc"]) == 1 else "this section"
            problem = f"unknown key in {where}"
        raise InputError(path, key, problem, remedy) from None
