"""Responses out of bytes, however they are cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

Load = Callable[[str], Any]


# Responses: the bytes, and the status, the body and keep_alive that they mean.

_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello\r\nworld"
_CHUNKED = (
    b"HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n7;x=y\r\n\r\nworld\r\n0\r\nT: 1\r\n\r\n"
)
_CLOSING = b"HTTP/1.1 500 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"
_OLD = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
_EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
_ENDED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end"

FRAMED = [
    (_LENGTH, 200, b"hello\r\nworld", True),
    (_CHUNKED, 201, b"hello\r\nworld", True),
    (_CLOSING, 500, b"no", False),
    (_OLD, 200, b"ok", False),
    (_EMPTY, 204, b"", True),
]


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(at)]


def _seen(reader: Any) -> tuple[int, bytes, bool]:
    response = reader.response()
    return response.status, response.body, reader.keep_alive


_CUTS = st.lists(st.integers(0, 1000), max_size=12)


@given(response=st.sampled_from(FRAMED), cuts=_CUTS)
def test_response_is_the_same_however_it_is_split(
    response: tuple[bytes, int, bytes, bool], cuts: list[int], load: Load
) -> None:
    data, status, body, keep_alive = response
    reader = load("wire.response").ResponseReader(100)
    *first, last = _split(data, cuts)
    assert not any(reader.feed(piece) for piece in first)
    assert reader.feed(last) is True
    assert _seen(reader) == (status, body, keep_alive)


@given(cuts=_CUTS)
def test_response_without_a_length_is_complete_at_the_connections_end(cuts: list[int], load: Load) -> None:
    reader = load("wire.response").ResponseReader(100)
    assert not any(reader.feed(piece) for piece in _split(_ENDED, cuts))
    assert reader.end() is True
    assert _seen(reader) == (200, b"until the end", False)


@given(response=st.sampled_from([_LENGTH, _CHUNKED]), cut=st.integers(0, 1000))
def test_framed_response_that_ends_early_is_incomplete(response: bytes, cut: int, load: Load) -> None:
    reader = load("wire.response").ResponseReader(100)
    assert reader.feed(response[: cut % len(response)]) is False
    assert reader.end() is False


def test_one_reader_takes_one_response_after_another(load: Load) -> None:
    reader = load("wire.response").ResponseReader(100)
    for data, status, body in [(_LENGTH, 200, b"hello\r\nworld"), (_CHUNKED, 201, b"hello\r\nworld")] * 2:
        assert reader.feed(data) and _seen(reader)[:2] == (status, body)
        reader.reset()


@given(
    response=st.sampled_from([data for data, *_ in FRAMED]),
    surplus=st.one_of(
        st.binary(min_size=1, max_size=40),
        st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\0", b"H", b"\r\n\r\n", _LENGTH, _EMPTY]),
    ),
)
def test_surplus_bytes_are_refused(response: bytes, surplus: bytes, load: Load) -> None:
    module = load("wire.response")
    with pytest.raises(module.MalformedResponse):
        module.ResponseReader(100).feed(response + surplus)


@given(surplus=st.sampled_from([b"\r\n", b"\n", b"\r", b"x"]), data=st.sampled_from([_LENGTH, _CHUNKED]))
def test_bytes_before_a_response_are_refused(surplus: bytes, data: bytes, load: Load) -> None:
    module = load("wire.response")
    with pytest.raises(module.MalformedResponse):
        module.ResponseReader(100).feed(surplus + data)


@given(garbage=st.binary(min_size=1, max_size=200))
def test_garbage_is_refused_or_incomplete(garbage: bytes, load: Load) -> None:
    module = load("wire.response")
    reader = module.ResponseReader(100)
    try:
        whole = reader.feed(garbage)
    except module.MalformedResponse:
        return
    assert not whole and not reader.end()


@pytest.mark.parametrize(
    "data",
    [
        _LENGTH.replace(b"Length: 12", b"Length: 5"),
        _LENGTH.replace(b"Length: 12", b"Length: 11"),
        _LENGTH.replace(b"Length: 12", b"Length: twelve"),
        _LENGTH.replace(b"Length: 12", b"Length: -1"),
        _LENGTH.replace(b"\r\n\r\n", b"\r\nContent-Length: 11\r\n\r\n", 1),
        _CHUNKED.replace(b"5\r\n", b"4\r\n", 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 66_000,
        b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_responses_are_refused(data: bytes, load: Load) -> None:
    module = load("wire.response")
    with pytest.raises(module.MalformedResponse):
        module.ResponseReader(100).feed(data)


# Heads that RFC 9112 lets a user agent accept: the bytes, and whether the connection's end completes them.

_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; q=1\r\nContent-Length: 2\r\n\r\nok"
_CODED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; q=1\r\nTransfer-Encoding: %s\r\n\r\n"
IRREGULAR = [
    (_PLAIN.replace(b"\r\n", b"\n"), False),
    (_PLAIN.replace(b"\r\n", b"\n", 1), False),
    (_PLAIN.replace(b"\r\n\r\n", b"\r\n\n"), False),
    (_PLAIN.replace(b"\r\n\r\n", b"\n\r\n"), False),
    (_PLAIN.replace(b"; q", b";\r\n  q"), False),
    (_PLAIN.replace(b"; q", b";\n\tq"), False),
    (_PLAIN.replace(b"; q", b";\r\n \r\n\tq"), False),
    (_PLAIN.replace(b"\r\n\r\n", b"\r\ncontent-length:2\r\n\r\n"), False),
    (_PLAIN.replace(b": 2", b": 2, 2"), False),
    (_PLAIN.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: identity\r\n\r\n"), False),
    (_CODED % b"identity" + b"ok", True),
    (_CODED % b"chunked\r\nContent-Length: 2" + b"2\r\nok\r\n0\r\n\r\n", False),
    (_CODED % b"identity, Chunked" + b"2\r\nok\r\n0\r\n\r\n", False),
    (b"HTTP/1.1 103 X\nA: b\n\n" + _PLAIN.replace(b"\r\n", b"\n"), False),
]


@given(response=st.sampled_from(IRREGULAR), cuts=_CUTS)
def test_irregular_heads_that_the_rfc_allows_are_read(
    response: tuple[bytes, bool], cuts: list[int], load: Load
) -> None:
    data, by_the_end = response
    reader = load("wire.response").ResponseReader(100)
    *first, last = _split(data, cuts)
    assert not any(reader.feed(piece) for piece in first)
    assert reader.feed(last) is not by_the_end
    assert reader.end() is True
    seen = reader.response()
    assert (seen.status, seen.content_type.replace(" ", "").replace("\t", "")) == (200, "text/plain;q=1")
    assert seen.body == b"ok" and reader.keep_alive is not by_the_end


def test_regular_heads_reach_the_parser_as_they_came(load: Load) -> None:
    head = _PLAIN.removesuffix(b"ok")
    assert load("wire.head").regular_head(head) is head


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_PLAIN.replace(b"Type:", b"Type :"), "Invalid header token"),
        (_PLAIN.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"), "Duplicate Content-Length"),
        (_PLAIN.replace(b": 2", b": 2, 3"), "Duplicate Content-Length"),
        (_PLAIN.replace(b": 2", b": +2"), "Invalid character in Content-Length"),
        (_PLAIN.replace(b"OK\r\n", b"OK\r\n folded\r\n"), "Unexpected space after start line"),
        (_PLAIN.replace(b"HTTP/1.1", b"ICY"), "Expected HTTP/"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "Expected HTTP/"),
        (b"RTSP/1.0 200 OK\r\n\r\n", "not HTTP"),
        (_PLAIN.replace(b"\r\n", b"\r"), "Expected LF after CR"),
        (_CODED % b"chunked" + b"2\nok\n0\n\n", "Missing expected CR after chunk size"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000, "the head is longer than 65536 bytes"),
    ],
)
def test_refusal_gives_the_parsers_reason_and_the_first_bytes(data: bytes, reason: str, load: Load) -> None:
    module = load("wire.response")
    with pytest.raises(module.MalformedResponse) as refused:
        module.ResponseReader(100).feed(data)
    message = str(refused.value)
    assert reason in message and f"the response begins with {data[:20]!r}"[:-1] in message
    assert len(message) < 400
