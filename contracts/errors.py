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
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
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
