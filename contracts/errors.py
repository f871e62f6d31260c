"""One error for bad input: it names the file, the key and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

# Studies and manifests that people write have a few kilobytes; a hostile file must not take minutes or
# gigabytes.
YAML_MAX_BYTES = 256 * 1024
YAML_MAX_NODES = 100_000


class InputError(ValueError):
    """Input that a person wrote and can correct.

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
    """A mapping has ``key`` twice, for the second time in ``line``."""

    def __init__(self, key: str, line: int) -> None:
        self.key, self.line = key, line
        super().__init__(key)


class UniqueKeys(yaml.SafeLoader):
    """YAML forbids a key that is given twice (1.2.2, 3.2.1.3); PyYAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping. Raises _KeyTwiceError."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    raise _KeyTwiceError(key.value, key.start_mark.line + 1)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, what: str, loader: type[UniqueKeys] = UniqueKeys) -> dict[str, Any]:
    """Return the mapping in the YAML file ``path``; ``what`` names its kind in messages.

    Raises InputError when the file is missing, unreadable, too large, not YAML, or not a mapping.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(YAML_MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            path, "", f"cannot read this {what}: {reason}", "give the path of an existing file"
        ) from None
    return parse_yaml(text, path, what, loader)


def parse_yaml(
    text: str | bytes, path: Path, what: str, loader: type[UniqueKeys] = UniqueKeys
) -> dict[str, Any]:
    """Return the mapping that ``text``, the content of ``path``, contains in YAML; ``what`` as in read_yaml.

    Raises InputError when it is not YAML, not a mapping, has a key twice, or exceeds the bounds of this
    module.
    """
    if len(text) > YAML_MAX_BYTES:
        raise InputError(
            path, "", f"larger than {YAML_MAX_BYTES} bytes", f"give a {what} that a person wrote"
        )
    try:
        content = _content(loader(text))
    except _KeyTwiceError as error:
        raise InputError(
            path, error.key, f"given twice, for the second time in line {error.line}", "keep one of the two"
        ) from None
    except RecursionError:
        raise InputError(
            path, "", "nested too deeply, or an alias contains itself", "write it flat"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(path, "", f"not YAML: {reason}", "correct the syntax at that place") from None
    if not isinstance(content, dict):
        kind = "empty" if content is None else type(content).__name__
        raise InputError(
            path, "", f"a {what} is a mapping, this is {kind}", "see docs/formats.md for an example"
        )
    return content


def _content(loader: UniqueKeys) -> Any:
    """The document's content. Aliases count as often as they are used: a short text must stay short."""
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _nodes(node, {}) > YAML_MAX_NODES:
            raise yaml.YAMLError(f"its aliases expand to more than {YAML_MAX_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """Number of nodes below ``node`` and itself. Raises RecursionError where it contains itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in known:
        if not known[id(node)]:
            raise RecursionError
        return known[id(node)]
    known[id(node)] = 0
    below = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
    known[id(node)] = 1 + sum(_nodes(part, known) for part in below)
    return known[id(node)]


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
