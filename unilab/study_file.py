"""A study with some of its keys set on the command line: ``--set boots=3 --set load.todos.users=8``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from contracts.errors import InputError, parse_yaml, read_yaml, validate
from contracts.store.files import write_atomically
from contracts.study import Study

# What a relative path in a study refers to is the study's folder, so a copy elsewhere needs absolute ones.
_PATHS_OF_PREBUILT = ("kernel", "initrd", "disk", "kernel_elf")


def study_with(path: Path, settings: Sequence[str]) -> tuple[dict[str, Any], Study]:
    """The content of the study at ``path`` with ``settings`` (``KEY=VALUE``), and the study that it makes.

    KEY names nested keys by dots; VALUE is YAML. Raises InputError for a missing file, a setting without
    ``=``, a key below a value that is no mapping, and what a study does not allow.
    """
    content = read_yaml(path, "study")
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise InputError("--set", setting, "it has no KEY=VALUE", "write for example --set boots=3")
        _set(content, key, _value(key, text))
    remedy = "compare with studies/demo.yml; docs/formats.md lists every key"
    return content, validate(Study, content, path, remedy)


def write_study(content: dict[str, Any], source: Path, target: Path) -> Path:
    """Write ``content``, read from ``source``, at ``target``; relative paths then start at the old folder.

    Returns ``target``.
    """
    for services in content.get("prebuilt", {}).values():
        for image in services.values():
            for key in _PATHS_OF_PREBUILT:
                if image.get(key):
                    image[key] = str(source.resolve().parent / Path(image[key]).expanduser())
    write_atomically(target, yaml.safe_dump(content, sort_keys=False))
    return target


def _value(key: str, text: str) -> Any:
    return parse_yaml(f"value: {text}", Path("--set"), f"value of {key}").get("value")


def _set(content: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    for name in above:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            raise InputError("--set", key, f"'{name}' has no keys of its own", "name a key of the study")
    content[last] = value
