"""Where the load goes: one address, found once, and the name by which requests address it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """One address of the target.

    Attributes:
        host: the field Host of every request, NAME:PORT (RFC 9110, 7.2).
        address: numeric, IPv4 or IPv6; an IPv6 address of a link has its zone: ``fe80::1%eth0``.
    """

    host: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def socket_address(self) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
        """Return the family and what ``socket.connect`` takes. Raises OSError."""
        found = socket.getaddrinfo(
            self.address, self.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        return found[0][0], found[0][4]


def targets(name: str, port: int) -> list[Target]:
    """Return every address of ``name`` (a name or an address), in the system's order. Raises OSError.

    A name that is not ASCII is looked up and sent in its IDNA form. Raises UnicodeError where it has none.
    """
    ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    bare = ascii_name.partition("%")[0]
    host = f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"
    found = socket.getaddrinfo(ascii_name, port, type=socket.SOCK_STREAM)
    numeric = [socket.getnameinfo(row[4], socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0] for row in found]
    return [Target(host, address, port) for address in dict.fromkeys(numeric)]
