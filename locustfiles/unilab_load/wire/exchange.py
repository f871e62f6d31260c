"""A request together with its only right response, as the reference file and the messages hold them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Response:
    """A response without its framing: what is compared."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class ExpectedResponse:
    """A request and its only right response. ``body`` and ``headers`` are what a user class sends with it."""

    method: str
    path: str
    response: Response
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
