"""What one load has measured so far, over all processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from unilab_load.lead.merge import Merge
from unilab_load.worker.messages import Order, WorkerReport
from unilab_load.worker.plan import LoadPlan


@dataclass
class Measured:
    """One load. ``reports`` and ``heard_s`` are each member's latest; ``done`` and ``lost`` name members.

    Attributes:
        plan: of all members together.
    """

    started_at: datetime
    merge: Merge
    plan: LoadPlan
    orders: dict[str, Order]
    heard_s: dict[str, float]
    reports: dict[str, WorkerReport] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether no member has anything left to report."""
        return self.done | self.lost == set(self.orders)

    @property
    def window_s(self) -> float:
        """Length of the measured window so far."""
        return self.merge.window.end_s - self.merge.window.start_s

    def add(self, member: str, report: WorkerReport, now_s: float) -> None:
        """Take a report of ``member``, received at ``now_s`` of a clock that never goes back."""
        self.reports[member] = report
        self.heard_s[member] = now_s
        self.merge.add(member, report.intervals)
        if report.over:
            self.done.add(member)
            self.merge.complete(member)

    def lose(self, member: str) -> None:
        """``member`` died: what it had not yet reported is lost with it."""
        self.lost.add(member)
        self.merge.complete(member)

    def details(self) -> dict[str, str]:
        """What was wrong with a failed request, by kind of error."""
        found: dict[str, str] = {}
        for report in self.reports.values():
            found |= {kind: detail for kind, detail in report.details.items() if detail}
        return found

    def described_errors(self) -> str:
        """The window's errors by kind, each with what was wrong with one of them; "none" without errors."""
        details = self.details()
        return (
            ", ".join(
                f"{kind} {count}" + (f" (such as: {details[kind]})" if kind in details else "")
                for kind, count in sorted(self.merge.window.errors.items())
            )
            or "none"
        )

    def why_nothing(self) -> str:
        """Why the window holds no right response."""
        if self.window_s <= 0:
            return (
                f"all requests were settled within the warm-up of {self.plan.warm_up_s:g} s; "
                "give more --requests or a shorter --warm-up-s"
            )
        return f"no right answer in the window of {self.window_s:.1f} s (errors: {self.described_errors()})"
