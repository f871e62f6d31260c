"""Segments that the kernel sent again, of one connection."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

Load = Callable[[str], Any]


def _info(total: int, twice: int, length: int = 224) -> Any:
    """A connection whose TCP_INFO has these counts, as far as the kernel's structure goes."""
    content = bytearray(232)
    struct.pack_into("=I", content, 100, total)
    struct.pack_into("=I", content, 216, twice)
    return SimpleNamespace(getsockopt=lambda *_: bytes(content[:length]))


@pytest.mark.parametrize(
    ("total", "twice", "length", "expected"),
    [(0, 0, 224, 0), (7, 0, 224, 7), (7, 3, 224, 4), (7, 9, 224, 0), (7, 3, 192, 7), (7, 3, 100, 0)],
)
def test_segments_that_arrived_twice_are_no_loss(
    total: int, twice: int, length: int, expected: int, load: Load
) -> None:
    assert load("wire.tcp_info").retransmits(_info(total, twice, length)) == expected


def test_without_tcp_info_nothing_is_counted(load: Load) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        assert load("wire.tcp_info").retransmits(connection) == 0


def test_dropped_syn_is_counted_by_the_kernel(load: Load) -> None:
    retransmits = load("wire.tcp_info").retransmits
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        connections = [stack.enter_context(socket.socket()) for _ in range(8)]
        for connection in connections:
            connection.setblocking(False)
            connection.connect_ex(full.getsockname())
        deadline_s = time.monotonic() + 20
        while not any(map(retransmits, connections)):
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
