"""Values of a manifest are text, as they are written: ``0755`` is "0755", ``yes`` is "yes".

Capstan reads a Capstanfile into strings of Go (gopkg.in/yaml.v2 2.2.8, decode.go), which keep a scalar's
text. ``~``, ``null`` and no value at all are empty text. It reads a config set of ``meta/run.yaml`` twice, so
that there ``0755`` becomes 493; here it stays as written in both forms.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator

from contracts.errors import UniqueKeys, parse_yaml, read_yaml

_TRUE = frozenset({"y", "yes", "true", "on"})
_FALSE = frozenset({"", "n", "no", "false", "off"})


class TextLoader(UniqueKeys):
    """Every scalar is its text; a null is None. Tags of other kinds do not change a scalar's text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping; a null key is empty text."""
        content = super().construct_mapping(node, deep)
        return {"" if key is None else key: value for key, value in content.items()}

    def text(self, node: yaml.Node) -> str:
        """The scalar's text. Raises yaml.YAMLError for a list or mapping with a tag of its own."""
        if not isinstance(node, yaml.ScalarNode):
            problem = f"the tag {node.tag} is unknown"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return str(node.value)

    def binary(self, node: yaml.Node) -> str:
        """The text that ``!!binary`` encodes. Raises yaml.YAMLError."""
        try:
            return base64.b64decode(self.text(node), validate=False).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


for _tag in ("bool", "float", "int", "merge", "str", "timestamp", "value"):
    TextLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", TextLoader.text)
TextLoader.add_constructor("tag:yaml.org,2002:binary", TextLoader.binary)
TextLoader.add_constructor(None, TextLoader.text)


def read_manifest(path: Path, what: str) -> dict[str, Any]:
    """The mapping in the file ``path``; ``what`` names its kind in messages. Raises InputError."""
    return read_yaml(path, what, TextLoader)


def parse_manifest(text: bytes, path: Path, what: str) -> dict[str, Any]:
    """The mapping that ``text``, the content of ``path``, contains. Raises InputError."""
    return parse_yaml(text, path, what, TextLoader)


def _text(value: Any) -> Any:
    return "" if value is None else value


def _list(value: Any) -> Any:
    return [] if value is None else value


def _map(value: Any) -> Any:
    return {} if value is None else value


def _flag(value: Any) -> Any:
    """The truth values of YAML 1.1 (yaml.org/type/bool.html), which Go's yaml.v2 reads; null is false."""
    word = str("" if value is None else value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"'{value}' is neither true nor false: write one of them")


Text = Annotated[str, BeforeValidator(_text)]
TextList = Annotated[list[Text], BeforeValidator(_list)]
TextMap = Annotated[dict[str, Text], BeforeValidator(_map)]
Flag = Annotated[bool, BeforeValidator(_flag)]
