"""Bodies with parts that vary: what is right, what is not, and spans that are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.unilab_load.orders import order_of

Load = Callable[[str], Any]

BODY = b'{"id":17,"at":"2026-11-27","name":"x"}'
ID, DATE = (6, 8, "digits", 1, 4), (15, 25, "time", 10, 10)


def response(load: Load, *spans: tuple[int, int, str, int, int], body: bytes = BODY) -> Any:
    span = load("wire.varying").Span
    return load("wire.exchange").Response(200, "a/b", body, tuple(span(*row) for row in spans))


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        (BODY, True),
        (b'{"id":9999,"at":"1970-01-01","name":"x"}', True),
        (b'{"id":,"at":"1970-01-01","name":"x"}', False),
        (b'{"id":12345,"at":"1970-01-01","name":"x"}', False),
        (b'{"id":1a,"at":"1970-01-01","name":"x"}', False),
        (b'{"id":17,"at":"1970-01-01T","name":"x"}', False),
        (b'{"id":17,"at":"2026-11-27","name":"y"}', False),
        (BODY + b"\n", False),
        (b"", False),
    ],
)
def test_only_the_spans_of_a_body_may_vary(body: bytes, is_right: bool, load: Load) -> None:
    wanted, seen = response(load, ID, DATE), response(load, body=body)
    assert wanted.has_body(body) is is_right
    assert (wanted.difference(seen) == "") is is_right


def test_literal_parts_are_no_regular_expression(load: Load) -> None:
    wanted = response(load, (4, 5, "digits", 1, 1), body=b"a.*(1)")
    assert wanted.has_body(b"a.*(2)") and not wanted.has_body(b"abc(2)")


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ([(6, 8, "number", 1, 4)], "has kind 'number', and not one of digits"),
        ([DATE, ID], "out of order"),
        ([(6, 6, "digits", 0, 4)], "is empty"),
        ([(6, 7, "digits", 1, 4), (7, 8, "digits", 1, 4)], "beside another one"),
        ([(30, 99, "text", 1, 200)], "beyond the body"),
        ([(6, 8, "digits", 3, 4)], "may have 3 to 4 bytes, and has 2"),
        ([(6, 8, "digits", 1, 100_000)], "may have 1 to 100000 bytes"),
        ([(15, 25, "digits", 1, 20)], "the body itself does not match"),
        ([(i * 2 + 1, i * 2 + 2, "bytes", 1, 1) for i in range(65)], "more than 64"),
    ],
)
def test_spans_that_are_none_of_the_body_are_refused(spans: list[Any], problem: str, load: Load) -> None:
    found = [load("wire.varying").Span(*row) for row in spans]
    assert problem in load("wire.varying").spans_problem(BODY, found)


def test_an_order_keeps_spans_between_processes(load: Load) -> None:
    wanted = load("wire.exchange").ExpectedResponse("GET", "/", response(load, ID))
    order = order_of(load, reference=[wanted])
    assert type(order).from_message(order.to_message()) == order
