"""What the load costs: counters of the system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Load = Callable[[str], Any]


# Costs.


def test_link_to_loopback_reports_no_speed(load: Load) -> None:
    link = load("worker.costs").link_to(load("wire.target").Target("127.0.0.1:9", "127.0.0.1", 9))
    assert (link.interface, link.speed_bits_per_s) == ("lo", None)
