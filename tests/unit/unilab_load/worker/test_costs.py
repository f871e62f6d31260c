"""What the load costs: counters of the system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Load = Callable[[str], Any]


# Costs.


def test_segments_sent_again_are_read_by_name(load: Load) -> None:
    text = (
        "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
        "Tcp: RtoAlgorithm RtoMin MaxConn InSegs RetransSegs InErrs\n"
        "Tcp: 1 200 -1 900 17 3\n"
        "Udp: InDatagrams\nUdp: 5\n"
    )
    assert load("worker.costs").retransmitted_segments(text) == 17


def test_the_way_to_the_loopback_has_no_speed(load: Load) -> None:
    way = load("worker.costs").way_to("127.0.0.1", 9)
    assert (way.interface, way.speed_bits_per_s) == ("lo", None)
