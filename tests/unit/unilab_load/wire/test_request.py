"""Requests as bytes, and requests that cannot be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]


# Requests.


def test_wire_is_the_request_as_written(load: Load) -> None:
    request = load("request")
    assert request.get("/a?b=1").wire("h:1", True) == b"GET /a?b=1 HTTP/1.1\r\nHost: h:1\r\n\r\n"
    assert (
        request.post("/a", b"\0\xff", headers={"X-Y": "z"}).wire("h:1", False)
        == b"POST /a HTTP/1.1\r\nHost: h:1\r\nX-Y: z\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\0\xff"
    )
    given = request.get("/a", headers={"host": "other"}).wire("h:1", True)
    assert given == b"GET /a HTTP/1.1\r\nhost: other\r\n\r\n"
    assert b"Content-Length: 0\r\n" in request.put("/a", b"").wire("h:1", True)
    assert request.delete("/a").wire("h:1", True).startswith(b"DELETE /a HTTP/1.1\r\n")
    assert (request.get("/a").__name__, request.get("/a", name="b").__name__) == ("/a", "b")
    assert request.get("/a", weight=3).locust_task_weight == 3


@pytest.mark.parametrize(
    ("arguments", "options", "problem"),
    [
        (("HEAD", "/"), {}, "HEAD is not supported"),
        (("GET /x", "/"), {}, "no HTTP method"),
        (("", "/"), {}, "no HTTP method"),
        (("GET", "todos"), {}, "must start with /"),
        (("GET", ""), {}, "must start with /"),
        (("GET", "/a b"), {}, "white space"),
        (("GET", "/a\r\nX: y"), {}, "white space"),
        (("GET", "/a\x7f"), {}, "control character"),
        (("GET", "/a#b"), {}, "or #"),
        (("GET", "/\udc80"), {}, "must start with /"),
        (("POST", "/"), {"body": "text"}, "the body must be bytes"),
        (("GET", "/"), {"weight": 0}, "weight 0"),
        (("GET", "/"), {"weight": "3"}, "weight '3'"),
        (("GET", "/"), {"headers": {"A": "b\r\nC: d"}}, "line breaks"),
        (("GET", "/"), {"headers": {"A": 5}}, "must be text"),
        (("GET", "/"), {"headers": {"A\n": "b"}}, "no name of a field"),
        (("GET", "/"), {"headers": {"A": "\u20ac"}}, "beyond Latin-1"),
    ],
)
def test_problem_names_what_cannot_be_sent(
    arguments: tuple[str, str], options: dict[str, Any], problem: str, load: Load
) -> None:
    assert problem in load("request").Request(*arguments, **options).problem()


def test_problem_is_empty_for_a_request_that_can_be_sent(load: Load) -> None:
    request = load("request")
    asked = request.post("/\u00e4?q=1%20", b"\0", headers={"X-Y": "\u00e4\tz"}, weight=3)
    assert asked.problem() == "" and asked.locust_task_weight == 3


def test_path_beyond_ascii_is_sent_as_percent_encoded_utf_8(load: Load) -> None:
    wire = load("request").get("/gr\u00f6\u00dfe/\u65e5?a=%C3%A9&b='~!$()*,;:@[]").wire("h:1", True)
    assert wire.split(b" ")[1] == b"/gr%C3%B6%C3%9Fe/%E6%97%A5?a=%C3%A9&b='~!$()*,;:@[]"
