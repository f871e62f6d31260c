"""What users send: requests that are Locust tasks by themselves, with Locust's weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TOKEN_ENDS = frozenset(" \t\r\n\0")


class Request:
    """One request. In a user class it is a task: ``read_list = get("/todos", weight=3)``.

    Attributes:
        method, path, body, headers: as they go over the wire.
        locust_task_weight: how often it is drawn, beside the class's other requests.
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
        if method == "HEAD":
            raise ValueError("HEAD is not supported: its answer has no body that could be checked")
        if not path.startswith("/") or _TOKEN_ENDS & set(path):
            raise ValueError(f"path '{path}' must start with / and hold no white space")
        if weight < 1:
            raise ValueError(f"weight {weight} must be a whole number, 1 or more")
        self.method, self.path, self.body = method, path, body
        self.headers = dict(headers or {})
        for key, value in self.headers.items():
            if "\n" in key + value or "\r" in key + value:
                raise ValueError(f"header {key}: a line break would begin another header")
        self.locust_task_weight = weight
        self.__name__ = name or path

    def __call__(self, user: Any) -> None:
        """Hand ``user`` over to the engine, which draws from all the user's requests until the load ends."""
        user.hand_over()

    def wire(self, host: str, keep_alive: bool) -> bytes:
        """The request as it goes over the wire; ``host`` is ADDRESS:PORT (RFC 9112, section 3)."""
        fields = self.headers.copy()
        given = {name.lower() for name in fields}
        if "host" not in given:
            fields = {"Host": host} | fields
        if not keep_alive and "connection" not in given:
            fields["Connection"] = "close"
        if (self.body or self.method in ("POST", "PUT", "PATCH")) and "content-length" not in given:
            fields["Content-Length"] = str(len(self.body))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items())]
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
