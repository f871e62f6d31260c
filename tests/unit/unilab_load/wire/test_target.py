"""Addresses of a target's name, and how requests name it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]
TCP = socket.SOCK_STREAM


@pytest.mark.parametrize(
    ("name", "host", "address", "shown"),
    [
        ("127.0.0.1", "127.0.0.1:80", "127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]:80", "::1", "[::1]:80"),
        ("0:0::1", "[0:0::1]:80", "::1", "[::1]:80"),
    ],
)
def test_numeric_addresses_are_their_own_name(
    name: str, host: str, address: str, shown: str, load: Load
) -> None:
    (target,) = load("wire.target").targets(name, 80)
    assert (target.host, target.address, str(target)) == (host, address, shown)
    family, socket_address = target.socket_address()
    assert family == (socket.AF_INET6 if ":" in name else socket.AF_INET)
    assert socket_address[:2] == (address, 80)


def test_zone_of_a_link_is_kept_for_the_address_and_not_sent(load: Load) -> None:
    (target,) = load("wire.target").targets("fe80::1%lo", 80)
    assert (target.host, target.address) == ("[fe80::1]:80", "fe80::1%lo")
    assert target.socket_address()[1][3] == socket.if_nametoindex("lo")


def test_name_has_every_address_once_in_the_systems_order(load: Load, monkeypatch: Any) -> None:
    asked: list[str] = []

    def found(name: str, port: int, **_: Any) -> list[Any]:
        asked.append(name)
        rows = [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]
        return [(family, TCP, 6, "", address) for family, address in [*rows, *rows]]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    targets = load("wire.target").targets("b\u00fccher.example", 8080)
    assert asked == ["xn--bcher-kva.example"]
    assert [target.address for target in targets] == ["::1", "127.0.0.1"]
    assert {target.host for target in targets} == {"xn--bcher-kva.example:8080"}
