"""How a response differs from the right one, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]


@pytest.mark.parametrize(
    ("status", "content_type", "body", "difference"),
    [
        (200, "a/b", b"right", ""),
        (500, "x/y", b"wrong", "status 500 and not 200"),
        (200, "x/y", b"wrong", "content type 'x/y' and not 'a/b'"),
        (200, "a/b", b"wrong", "body differs at byte 0: 'wrong' and not 'right'"),
        (200, "a/b", b"righ", "body differs at byte 4: the end and not 't'"),
        (200, "a/b", b"right!", "body differs at byte 5: '!' and not the end"),
        (200, "a/b", b"ri\xffht", "body differs at byte 2: '\ufffdht' and not 'ght'"),
        (200, "a/b", b"r" + b"x" * 90, f"body differs at byte 1: '{'x' * 40}' and not 'ight'"),
    ],
)
def test_first_difference_is_named(
    status: int, content_type: str, body: bytes, difference: str, load: Load
) -> None:
    response = load("wire.exchange").Response
    assert response(200, "a/b", b"right").difference(response(status, content_type, body)) == difference
