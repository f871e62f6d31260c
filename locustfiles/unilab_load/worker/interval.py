"""What was recorded in one second of the load: by one process, or by all once merged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3


def new_histogram() -> HdrHistogram:
    """An empty histogram from 1 microsecond to 1 hour with three significant digits."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)


@dataclass
class Cost:
    """What making the load cost a process or its machine, in one interval.

    Attributes:
        cpu_s: the process's own, user and system.
        sent_bytes, received_bytes: of the whole machine, on the interface that leads to the target.
        retransmits: TCP segments that the load's own connections sent again after their first response;
            early_retransmits: before it. Their sum is exact over a phase of the load.
    """

    cpu_s: float = 0.0
    sent_bytes: int = 0
    received_bytes: int = 0
    retransmits: int = 0
    early_retransmits: int = 0

    def add(self, other: Cost) -> None:
        """Add what ``other`` cost."""
        self.cpu_s += other.cpu_s
        self.sent_bytes += other.sent_bytes
        self.received_bytes += other.received_bytes
        self.retransmits += other.retransmits
        self.early_retransmits += other.early_retransmits

    def minus(self, other: Cost) -> Cost:
        """What was spent between ``other`` and this, both being counters' readings."""
        return Cost(
            self.cpu_s - other.cpu_s,
            self.sent_bytes - other.sent_bytes,
            self.received_bytes - other.received_bytes,
            self.retransmits - other.retransmits,
            self.early_retransmits - other.early_retransmits,
        )


@dataclass
class LoadInterval:
    """One interval of the load. Times are seconds since its start.

    Attributes:
        phase: warm_up, window or after.
        answers: right ones that were complete in it; checked: all answers that were compared.
        sum_ns, max_ns: of the latencies of the right answers.
        latencies, lateness, own_lateness: histograms in microseconds; those of lateness are None in a
            closed loop.
        busy_user_s: time in which requests were under way, added up over users: the integral over the
            interval, so that requests that cross its edges count with their part within.
        idle_user_s: time in which users had no work any more, added up over users.
    """

    start_s: float
    end_s: float
    phase: str
    answers: int = 0
    checked: int = 0
    sum_ns: int = 0
    max_ns: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: HdrHistogram = field(default_factory=new_histogram)
    lateness: HdrHistogram | None = None
    own_lateness: HdrHistogram | None = None
    busy_user_s: float = 0.0
    idle_user_s: float = 0.0
    cost: Cost = field(default_factory=Cost)

    def add(self, other: LoadInterval) -> None:
        """Add what another process recorded in the same interval."""
        self.end_s = max(self.end_s, other.end_s)
        self.answers += other.answers
        self.checked += other.checked
        self.sum_ns += other.sum_ns
        self.max_ns = max(self.max_ns, other.max_ns)
        self.errors.update(other.errors)
        self.latencies.add(other.latencies)
        self.lateness = _sum(self.lateness, other.lateness)
        self.own_lateness = _sum(self.own_lateness, other.own_lateness)
        self.busy_user_s += other.busy_user_s
        self.idle_user_s += other.idle_user_s
        self.cost.add(other.cost)

    def to_message(self) -> dict[str, Any]:
        """The interval as Locust's messages carry it; histograms in HdrHistogram's V2 encoding."""
        return vars(self) | {
            "errors": dict(self.errors),
            "cost": vars(self.cost),
            **{name: _encoded(getattr(self, name)) for name in _HISTOGRAMS},
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> LoadInterval:
        """The interval of ``to_message``."""
        decoded = {
            "errors": Counter(message["errors"]),
            "cost": Cost(**message["cost"]),
            **{name: _decoded(message[name]) for name in _HISTOGRAMS},
        }
        return cls(**(message | decoded))


_HISTOGRAMS = ("latencies", "lateness", "own_lateness")


def _sum(one: HdrHistogram | None, other: HdrHistogram | None) -> HdrHistogram | None:
    if one is None or other is None:
        return one or other
    one.add(other)
    return one


def _encoded(histogram: HdrHistogram | None) -> bytes | None:
    return None if histogram is None else histogram.encode()


def _decoded(code: bytes | None) -> HdrHistogram | None:
    return None if code is None else HdrHistogram.decode(code)
