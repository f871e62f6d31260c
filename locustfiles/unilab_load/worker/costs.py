"""What making the load costs: CPU of this process, bytes on the way to the target, segments sent again."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from unilab_load.worker.interval import Cost

_SNMP = Path("/proc/net/snmp")


@dataclass(frozen=True)
class Way:
    """The network interface that leads to the target; speed_bits_per_s is None where it tells none."""

    interface: str
    speed_bits_per_s: float | None


class CostMeter:
    """Reads the costs since the last reading. Counters are of this process's network namespace."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._last = self._read()

    def since_last(self) -> Cost:
        """What was spent since the last call, or since the meter was made."""
        last, self._last = self._last, self._read()
        return self._last.minus(last)

    def _read(self) -> Cost:
        counters = psutil.net_io_counters(pernic=True).get(self._interface)
        sent, received = (counters.bytes_sent, counters.bytes_recv) if counters else (0, 0)
        retransmits = retransmitted_segments(_SNMP.read_text(encoding="ascii"))
        return Cost(time.process_time(), sent, received, retransmits)


def way_to(address: str, port: int) -> Way:
    """The interface by which packets to ``address`` leave. Nothing is sent. Raises OSError."""
    family = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0][0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, port))
        own = probe.getsockname()[0]
    holders = [
        name
        for name, held in psutil.net_if_addrs().items()
        if any(row.address.partition("%")[0] == own for row in held)
    ]
    interface = holders[0] if holders else "lo"
    status = psutil.net_if_stats().get(interface)
    speed_mbit_per_s = 0 if status is None or interface == "lo" else status.speed
    return Way(interface, speed_mbit_per_s * 1e6 if 0 < speed_mbit_per_s < 2**16 - 1 else None)


def retransmitted_segments(snmp: str) -> int:
    """``RetransSegs`` out of the text of /proc/net/snmp (RFC 4022, tcpRetransSegs)."""
    head, values = (line.split() for line in snmp.splitlines() if line.startswith("Tcp:"))
    return int(values[head.index("RetransSegs")])
