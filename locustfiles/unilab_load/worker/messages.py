"""What the process in charge and the processes that make the load tell each other.

In one process they are handed over as they are; between processes Locust's own messages carry them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from unilab_load.wire.exchange import ExpectedResponse, Response
from unilab_load.worker.interval import LoadInterval


@dataclass(frozen=True)
class Order:
    """What one process is to do: its share of one load.

    Attributes:
        number: of this order; reports carry it, so that a late one is told apart.
        share, shares: which part of the load this is.
        users: how many users this process has to have before it begins.
        requests: how many requests this process sends in all, or None where time ends the load.
        rate_per_s: of all processes together; None is a closed loop.
        reference: the requests that may be sent, each with its right answer.
        samples: file for raw latencies, or None.
    """

    number: int
    share: int
    shares: int
    address: str
    port: int
    users: int
    warm_up_s: float
    duration_s: float | None
    max_s: float
    timeout_s: float
    requests: int | None
    rate_per_s: float | None
    arrivals: str
    seed: int
    reference: list[ExpectedResponse]
    samples: str | None

    @property
    def send_until_s(self) -> float:
        """Seconds after the load's start from which no request is sent any more."""
        return self.max_s if self.duration_s is None else self.warm_up_s + self.duration_s

    def to_message(self) -> dict[str, Any]:
        """The order as Locust's messages carry it."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Order:
        """The order of ``to_message``."""
        reference = [
            ExpectedResponse(**(row | {"response": Response(**row["response"])}))
            for row in message["reference"]
        ]
        return cls(**(message | {"reference": reference}))


@dataclass
class WorkerReport:
    """What one process has done since its last report.

    Attributes:
        order: number of the order that it works on.
        host, pid, users: who it is.
        interface, speed_bits_per_s: by which it reaches the target; the speed is None where unknown.
        sent, unsent: requests so far; unsent fell due and found no free connection.
        answered: answers so far, right and wrong.
        waiting: connections with a request under way.
        lost: connections that were taken away and have had no answer since, by kind of failure.
        over: all that was sent is settled, and the intervals are complete.
        failure: why it cannot go on, "" as long as it can.
    """

    order: int
    host: str
    pid: int
    users: int
    interface: str = ""
    speed_bits_per_s: float | None = None
    sent: int = 0
    unsent: int = 0
    answered: int = 0
    waiting: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    intervals: list[LoadInterval] = field(default_factory=list)
    over: bool = False
    failure: str = ""

    def to_message(self) -> dict[str, Any]:
        """The report as Locust's messages carry it."""
        return vars(self) | {"intervals": [interval.to_message() for interval in self.intervals]}

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> WorkerReport:
        """The report of ``to_message``."""
        intervals = [LoadInterval.from_message(row) for row in message["intervals"]]
        return cls(**(message | {"intervals": intervals}))
