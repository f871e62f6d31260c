"""What making the load costs: CPU of this process, bytes on the link to the target, segments sent again."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from unilab_load.wire.target import Target
from unilab_load.worker.interval import Cost


@dataclass(frozen=True)
class Link:
    """The network interface that leads to the target; speed_bits_per_s is None where it reports none."""

    interface: str
    speed_bits_per_s: float | None


class CostMeter:
    """Reads the costs since the last reading.

    Bytes are those of the whole interface; CPU and segments are this process's own.
    """

    def __init__(self, interface: str, retransmits: Callable[[bool], tuple[int, int]]) -> None:
        """``retransmits`` counts the load's own segments, as ``Engine.retransmits`` does."""
        self._interface, self._retransmits = interface, retransmits
        self._last = self._read(with_open=False)

    def since_last(self, with_open: bool) -> Cost:
        """What was spent since the last call, or since the meter was made.

        Segments of connections that are still open are counted ``with_open`` only.
        """
        last, self._last = self._last, self._read(with_open)
        return self._last.minus(last)

    def _read(self, with_open: bool) -> Cost:
        counters = psutil.net_io_counters(pernic=True).get(self._interface)
        sent, received = (counters.bytes_sent, counters.bytes_recv) if counters else (0, 0)
        early, late = self._retransmits(with_open)
        return Cost(time.process_time(), sent, received, late, early)


def link_to(target: Target) -> Link:
    """The interface by which packets to ``target`` leave. Nothing is sent. Raises OSError."""
    family, address = target.socket_address()
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        own = probe.getsockname()[0].partition("%")[0]
    holders = [
        name
        for name, held in psutil.net_if_addrs().items()
        if any(row.address.partition("%")[0] == own for row in held)
    ]
    interface = holders[0] if holders else "lo"
    status = psutil.net_if_stats().get(interface)
    speed_mbit_per_s = 0 if status is None or interface == "lo" else status.speed
    return Link(interface, speed_mbit_per_s * 1e6 if 0 < speed_mbit_per_s < 2**16 - 1 else None)
