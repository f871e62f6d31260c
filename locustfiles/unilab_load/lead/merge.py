"""The intervals of all processes joined by second, written in order as soon as each is complete."""

from __future__ import annotations

import math
from collections.abc import Iterable

from unilab_load.lead.latency_log import LatencyLog
from unilab_load.worker.interval import Cost, LoadInterval


class Merge:
    """Joins what the ``members`` recorded.

    Attributes:
        window: all that fell into the measured window; its end is that of its last interval.
        costs: of the window, by member.
        ends_s: end of each member's last interval.
    """

    def __init__(self, log: LatencyLog, members: Iterable[str], warm_up_s: float) -> None:
        self._log = log
        self._reached_s = dict.fromkeys(members, 0.0)
        self._waiting: dict[float, LoadInterval] = {}
        self.window = LoadInterval(warm_up_s, warm_up_s, "window")
        self.costs = {member: Cost() for member in self._reached_s}
        self.ends_s = self._reached_s.copy()

    def add(self, member: str, intervals: Iterable[LoadInterval]) -> None:
        """Take what ``member`` recorded since its last report."""
        for interval in intervals:
            if interval.phase == "window":
                self.costs[member].add(interval.cost)
            self._reached_s[member] = self.ends_s[member] = interval.end_s
            held = self._waiting.setdefault(interval.start_s, interval)
            if held is not interval:
                held.add(interval)
        self._write()

    def complete(self, member: str) -> None:
        """Stop waiting for ``member``: it is done, or lost."""
        self._reached_s[member] = math.inf
        self._write()

    def finish(self) -> None:
        """Write all intervals, also where a member is missing, and close the log."""
        self._reached_s = {}
        self._write()
        self._log.close()

    def _write(self) -> None:
        reached_s = min(self._reached_s.values(), default=math.inf)
        for start_s in sorted(start_s for start_s in self._waiting if start_s < reached_s):
            interval = self._waiting.pop(start_s)
            self._log.write(interval)
            if interval.phase == "window":
                self.window.add(interval)
