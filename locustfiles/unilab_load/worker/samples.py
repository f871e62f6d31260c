"""Raw numbers of the current second. The recorder owns them; the engine and the loops append to them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from unilab_load.wire.endpoint import Endpoint


class Samples:
    """Arrays of nanoseconds (type ``q``, 64 bit). Appending a number is all that a request costs here.

    Attributes:
        latencies_ns: of right responses, by endpoint.
        lateness_ns, own_lateness_ns: of the open loop's requests; empty in a closed loop.
        idle_since_ns: when each idle connection sent its last request. This one is kept
            for the whole load, the others are emptied every second.
    """

    __slots__ = ("idle_since_ns", "latencies_ns", "lateness_ns", "own_lateness_ns")

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.latencies_ns: dict[Endpoint, array[int]] = {endpoint: array("q") for endpoint in endpoints}
        for endpoint, latencies_ns in self.latencies_ns.items():
            endpoint.record_ns = latencies_ns.append
        self.lateness_ns: array[int] = array("q")
        self.own_lateness_ns: array[int] = array("q")
        self.idle_since_ns: list[int] = []
