"""How a campaign was started, kept beside it so that `unilab resume` starts it in the same way."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from contracts.campaign import read_json
from contracts.errors import InputError, validate
from contracts.store.files import write_atomically

INVOCATION = "invocation.json"
_SECRET = re.compile(r"pass(word|phrase)?|secret|token|private", re.IGNORECASE)


class Invocation(BaseModel):
    """The content of ``invocation.json``.

    Attributes:
        inventories: absolute paths.
        variables: given with -e, name to value.
        vault_password_file: absolute path, "" for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inventories: list[str] = []
    variables: dict[str, str] = {}
    vault_password_file: str = ""


def variables_of(words: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` as a mapping. Raises InputError for other words, and for what looks like a secret."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise InputError("-e", word, "it has no NAME=VALUE", "write for example -e osv_loader=PATH")
        if _SECRET.search(name):
            raise InputError(
                "-e",
                name,
                "other users can read the command line of a process",
                "put it into the inventory's vault, and give --vault-password-file",
            )
        found[name] = value
    return found


def read_invocation(directory: Path) -> Invocation:
    """That of the campaign at ``directory``; empty where another command started it. Raises InputError."""
    path = directory / INVOCATION
    if not path.exists():
        return Invocation()
    return validate(Invocation, read_json(path), path, "remove the file, and give the options again")


def write_invocation(directory: Path, invocation: Invocation) -> None:
    """Keep it beside the campaign. Raises OSError."""
    write_atomically(directory / INVOCATION, invocation.model_dump_json(indent=2) + "\n")
