"""Irregular heads in the form that a strict parser accepts, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]
START = b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("head", "regular"),
    [
        (b"%s\nA: b\n\n", b"%s\r\nA: b\r\n\r\n"),
        (b"%s\r\nA: b\r\n\n", b"%s\r\nA: b\r\n\r\n"),
        (b"%s\r\nA: b\r\nC: d \t\r\n \t e\r\n\r\n", b"%s\r\nA: b\r\nC: d e\r\n\r\n"),
        (b"%s\r\nA: b\r\n\tc\r\n d\r\nE: f\r\n\r\n", b"%s\r\nA: b c d\r\nE: f\r\n\r\n"),
        (b"%s\r\nA: b\n c\r\n\r\n", b"%s\r\nA: b c\r\n\r\n"),
        (b"%s\r\n folded\r\nA: b\r\n\r\n", b"%s\r\n folded\r\nA: b\r\n\r\n"),
        (
            b"%s\r\nContent-Length: 2\r\nA: b\r\nCONTENT-length:2 \r\n\r\n",
            b"%s\r\nA: b\r\nContent-Length: 2\r\n\r\n",
        ),
        (b"%s\r\nContent-Length: 2 ,\t2\r\n\r\n", b"%s\r\nContent-Length: 2\r\n\r\n"),
        (
            b"%s\r\nContent-Length: 2, 3\r\n\r\n",
            b"%s\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        ),
        (b"%s\r\nTransfer-Encoding: identity\r\n\r\n", b"%s\r\n\r\n"),
        (
            b"%s\r\nTransfer-Encoding: IDENTITY\r\nContent-Length: 2\r\n\r\n",
            b"%s\r\nContent-Length: 2\r\n\r\n",
        ),
        (
            b"%s\r\nTransfer-Encoding: gzip\r\ntransfer-encoding: identity, Chunked\r\n"
            b"Content-Length: 2\r\n\r\n",
            b"%s\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
        ),
        (
            b"%s\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
            b"%s\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
        ),
    ],
)
def test_regular_head_is_exact(head: bytes, regular: bytes, load: Load) -> None:
    assert load("wire.head").regular_head(head % START) == regular % START


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"A\r\n\r\nbody\r\n\r\n", 5),
        (b"A\n\nbody", 3),
        (b"A\n\r\nbody", 4),
        (b"A\r\n\nbody", 4),
        (b"A\r\n\r", 0),
        (b"A\r\nB\r\n", 0),
        (b"", 0),
    ],
)
def test_head_ends_with_its_first_empty_line(data: bytes, length: int, load: Load) -> None:
    assert load("wire.head").head_end(data) == length


@pytest.mark.parametrize(
    ("data", "may"),
    [
        (b"", True),
        (b"H", True),
        (b"HTTP/", True),
        (b"HTTP/1.1 200", True),
        (b"HTTPS", False),
        (b"X", False),
        (b"HTTP/1.1 200 OK\r", True),
        (b"HTTP/1.1 200 OK\rA", False),
        (b"HTTP/1.1 200 OK\r\n\r\na\rb", True),
    ],
)
def test_what_is_not_http_is_known_before_its_head_ends(data: bytes, may: bool, load: Load) -> None:
    assert load("wire.head").may_begin_a_response(data) is may
