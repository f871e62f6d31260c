"""Requests as bytes, and requests that cannot be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]


# Requests.


def test_a_request_goes_over_the_wire_as_written(load: Load) -> None:
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
    ("arguments", "options", "message"),
    [
        (("HEAD", "/"), {}, "HEAD is not supported"),
        (("GET", "todos"), {}, "must start with /"),
        (("GET", ""), {}, "must start with /"),
        (("GET", "/a b"), {}, "white space"),
        (("GET", "/a\r\nX: y"), {}, "white space"),
        (("GET", "/"), {"weight": 0}, "weight 0"),
        (("GET", "/"), {"headers": {"A": "b\r\nC: d"}}, "line break"),
        (("GET", "/"), {"headers": {"A\n": "b"}}, "line break"),
    ],
)
def test_bad_requests_are_refused(
    arguments: tuple[str, str], options: dict[str, Any], message: str, load: Load
) -> None:
    with pytest.raises(ValueError, match=message):
        load("request").Request(*arguments, **options)
