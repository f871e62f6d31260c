"""What users send: requests that are Locust tasks by themselves, with Locust's weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f#]")
_NOT_IN_A_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


class Request:
    """One request. In a user class it is a task: ``read_list = get("/todos", weight=3)``.

    Attributes:
        method, path, body, headers: as the locustfile gives them.
        weight: how often it is drawn, relative to the class's other requests.
    """

    def __init__(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        weight: int = 1,
        name: str | None = None,
    ) -> None:
        self.method, self.path, self.body = method, path, body
        self.headers = dict(headers or {})
        self.weight = weight
        self.__name__ = name or path

    @property
    def locust_task_weight(self) -> int:
        """The weight as Locust reads it when a class is made; a wrong one is refused later, in one line."""
        return self.weight if isinstance(self.weight, int) and self.weight > 0 else 1

    def __call__(self, user: Any) -> None:
        """Hand ``user`` over to the engine, which draws from all the user's requests until the load ends."""
        user.hand_over()

    def problem(self) -> str:
        """Why this cannot be sent, or "". Not raised by the constructor: Locust would print a traceback."""
        if not _TOKEN.fullmatch(self.method):
            return f"method {self.method!r} is no HTTP method"
        if self.method == "HEAD":
            return "HEAD is not supported: its response has no body that could be checked"
        if not _is_path(self.path):
            return f"path {self.path!r} must start with / and have no white space, control character or #"
        if not isinstance(self.body, bytes):
            return f"the body must be bytes, such as b'{{}}', and not {type(self.body).__name__}"
        if not isinstance(self.weight, int) or self.weight < 1:
            return f"weight {self.weight!r} must be a whole number, 1 or more"
        return next((why for key, value in self.headers.items() if (why := _header_problem(key, value))), "")

    def wire(self, host: str, keep_alive: bool) -> bytes:
        """The request as it goes over the wire; ``host`` is NAME:PORT (RFC 9112, section 3).

        Characters of the path beyond ASCII are sent as UTF-8 in percent-encoding (RFC 3986, 2.5).
        """
        fields = self.headers.copy()
        given = {name.lower() for name in fields}
        if "host" not in given:
            fields = {"Host": host} | fields
        if not keep_alive and "connection" not in given:
            fields["Connection"] = "close"
        if (self.body or self.method in ("POST", "PUT", "PATCH")) and "content-length" not in given:
            fields["Content-Length"] = str(len(self.body))
        path = quote(self.path, safe=_ASCII)
        lines = [f"{self.method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def get(path: str, **options: Any) -> Request:
    """A GET of ``path``; ``options`` are headers, weight and name."""
    return Request("GET", path, **options)


def post(path: str, body: bytes, **options: Any) -> Request:
    """A POST of ``body`` to ``path``; ``options`` are headers, weight and name."""
    return Request("POST", path, body=body, **options)


def put(path: str, body: bytes, **options: Any) -> Request:
    """A PUT of ``body`` to ``path``; ``options`` are headers, weight and name."""
    return Request("PUT", path, body=body, **options)


def delete(path: str, **options: Any) -> Request:
    """A DELETE of ``path``; ``options`` are headers, weight and name."""
    return Request("DELETE", path, **options)


def _is_path(path: Any) -> bool:
    if not isinstance(path, str) or not path.startswith("/") or _NOT_IN_A_PATH.search(path):
        return False
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _header_problem(key: str, value: str) -> str:
    if not isinstance(key, str) or not _TOKEN.fullmatch(key):
        return f"header {key!r} is no name of a field"
    if not isinstance(value, str) or _NOT_IN_A_VALUE.search(value):
        return f"header {key}: {value!r} must be text without control characters or line breaks"
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return f"header {key}: {value!r} has characters beyond Latin-1, which HTTP cannot carry"
    return ""
