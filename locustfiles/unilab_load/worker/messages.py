"""Messages between the process in charge and the processes that make the load.

In one process they are passed as objects; between processes Locust's own messages carry them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from unilab_load.wire.exchange import ExpectedResponse, Response
from unilab_load.wire.target import Target
from unilab_load.wire.varying import Span
from unilab_load.worker.interval import LoadInterval
from unilab_load.worker.plan import LoadPlan


@dataclass(frozen=True)
class Order:
    """What one process does: its share of one load.

    Attributes:
        number: of this order; reports repeat it, so that a late one is recognized.
        share, shares: which part of the load this is.
        users: how many users this process has to have before it begins.
        plan: this process's requests, and the rate of all processes together.
        reference: the requests that may be sent, each with its right response.
        samples: file for raw latencies, or None.
    """

    number: int
    share: int
    shares: int
    target: Target
    users: int
    plan: LoadPlan
    reference: list[ExpectedResponse]
    samples: str | None

    def to_message(self) -> dict[str, Any]:
        """The order as Locust's messages carry it."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Order:
        """The order of ``to_message``."""
        reference = [
            ExpectedResponse(**(row | {"response": _response(row["response"])}))
            for row in message["reference"]
        ]
        parts = {"target": Target(**message["target"]), "plan": LoadPlan(**message["plan"])}
        return cls(**(message | parts | {"reference": reference}))


def _response(row: dict[str, Any]) -> Response:
    return Response(**(row | {"spans": tuple(Span(**span) for span in row["spans"])}))


@dataclass
class WorkerReport:
    """What one process has done since its last report.

    Attributes:
        order: number of the order that it works on.
        host, pid, users: who it is.
        interface, speed_bits_per_s: by which it reaches the target; the speed is None where unknown.
        sent, unsent: requests so far; unsent fell due and found no free connection.
        answered: responses so far, right and wrong.
        waiting: connections with a request under way.
        lost: connections that ended and have had no response since, by kind of failure.
        details: what was wrong with the first failed request of each kind of error.
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
    details: dict[str, str] = field(default_factory=dict)
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
