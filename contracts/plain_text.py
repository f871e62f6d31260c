"""Text that people write in YAML without quotes: ``8000`` and ``true`` are text where text is wanted."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _list(value: Any) -> Any:
    return [] if value is None else value


def _map(value: Any) -> Any:
    return {} if value is None else value


Text = Annotated[str, BeforeValidator(_plain)]
TextList = Annotated[list[Text], BeforeValidator(_list)]
TextMap = Annotated[dict[str, Text], BeforeValidator(_map)]
