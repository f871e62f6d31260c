"""What one load has measured so far, and the record's part ``load`` out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hdrh.histogram import HdrHistogram

from unilab_load.lead.merge import Merge
from unilab_load.lead.options import LoadOptions
from unilab_load.lead.verdict import GeneratorUse, generator_verdict
from unilab_load.worker.messages import Order, WorkerReport

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
LATENESS = {"p50": 50.0, "p99": 99.0, "max": 100.0}


@dataclass
class Measured:
    """One load. ``reports`` and ``heard_s`` are each member's latest; ``done`` and ``lost`` name members."""

    started_at: datetime
    merge: Merge
    orders: dict[str, Order]
    rate_per_s: float | None
    heard_s: dict[str, float]
    reports: dict[str, WorkerReport] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether nobody has anything left to tell."""
        return self.done | self.lost == set(self.orders)

    def add(self, member: str, report: WorkerReport, now_s: float) -> None:
        """Take a report of ``member``, heard at ``now_s`` of a clock that never goes back."""
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


def load_result(options: LoadOptions, measured: Measured, tool: str) -> dict[str, Any] | None:
    """The record's part ``load``, as docs/load.md explains it; None where there is no right answer."""
    window = measured.merge.window
    window_s = window.end_s - window.start_s
    if window_s <= 0 or not window.answers:
        return None
    throughput_per_s = window.answers / window_s
    mean_s = window.sum_ns / window.answers / 1e9
    closed = measured.rate_per_s is None
    percentiles_ms = _percentiles_ms(window.latencies, PERCENTILES, window.max_ns / 1e6)
    own_lateness_ms = _percentiles_ms(window.own_lateness, LATENESS)
    workers = [_process(measured, member, window_s) for member in measured.orders]
    links = _links(measured, window_s)
    evidence = GeneratorUse(
        cpu_percent=max(row["cpu_percent"] for row in workers),
        requests=window.answers,
        errors=dict(window.errors),
        throughput_per_s=throughput_per_s,
        little_residual=window.busy_user_s / (options.users * window_s - _idle_user_s(measured)) - 1
        if closed
        else None,
        ceiling_per_s=options.ceiling_per_s and options.ceiling_per_s * len(workers),
        own_lateness_p99_ms=own_lateness_ms.get("p99"),
        response_p50_ms=percentiles_ms["p50"],
        link_use=max((row["use"] for row in links if row["use"] is not None), default=None),
        retransmits=_retransmits(measured),
        lost=sorted(measured.lost),
    )
    return {
        "loop": "closed" if closed else "open",
        "users": options.users,
        "warm_up_s": options.warm_up_s,
        "window_s": window_s,
        "started_at": measured.started_at.isoformat(),
        "requests": window.answers,
        "throughput_per_s": throughput_per_s,
        "mean_response_ms": mean_s * 1000,
        "percentiles_ms": percentiles_ms | {"max": window.max_ns / 1e6},
        "little_residual": window.busy_user_s / (options.users * window_s) - 1 if closed else None,
        "errors": dict(window.errors),
        "responses_checked": window.checked,
        "generator": {
            "tool": tool,
            "cpu_percent": evidence.cpu_percent,
            "cpu_s": sum(row["cpu_s"] for row in workers),
            "processes": len(workers),
            "workers": workers,
            "ceiling_per_s": evidence.ceiling_per_s,
            "retransmits": evidence.retransmits,
            "links": [{key: value for key, value in row.items() if key != "use"} for row in links],
        },
        "verdict": generator_verdict(evidence),
        "histogram": "latency.hlog",
        "rate_per_s": measured.rate_per_s,
        "arrivals": None if closed else options.arrivals,
        "lateness_ms": _percentiles_ms(window.lateness, LATENESS),
        "own_lateness_ms": own_lateness_ms,
        "unsent": sum(report.unsent for report in measured.reports.values()),
    }


def why_nothing(options: LoadOptions, measured: Measured) -> str:
    """Why ``load_result`` has nothing to tell."""
    window = measured.merge.window
    window_s = window.end_s - window.start_s
    if window_s <= 0:
        return (
            f"all requests were settled within the warm-up of {options.warm_up_s:g} s; "
            "give more --requests or a shorter --warm-up-s"
        )
    errors = ", ".join(f"{kind} {count}" for kind, count in sorted(window.errors.items()))
    return f"no right answer in the window of {window_s:.1f} s (errors: {errors or 'none'})"


def _percentiles_ms(
    histogram: HdrHistogram | None, wanted: dict[str, float], max_ms: float | None = None
) -> dict[str, float]:
    """Percentiles of a histogram of microseconds: the upper end of the bucket, at most ``max_ms``."""
    if histogram is None:
        return {}
    found = histogram.get_percentile_to_value_dict(list(wanted.values()))
    return {
        name: found[percent] / 1000 if max_ms is None else min(found[percent] / 1000, max_ms)
        for name, percent in wanted.items()
    }


def _idle_user_s(measured: Measured) -> float:
    """Time in which users had no work, those of processes included that were done before others."""
    window, ends_s = measured.merge.window, measured.merge.ends_s
    return window.idle_user_s + sum(
        order.users * max(0.0, window.end_s - max(window.start_s, ends_s[member]))
        for member, order in measured.orders.items()
    )


def _process(measured: Measured, member: str, window_s: float) -> dict[str, Any]:
    report, cpu_s = measured.reports.get(member), measured.merge.costs[member].cpu_s
    return {
        "host": report.host if report else member,
        "pid": report.pid if report else 0,
        "users": measured.orders[member].users,
        "cpu_percent": 100 * cpu_s / window_s,
        "cpu_s": cpu_s,
        "lost": member in measured.lost,
    }


def _by_host(measured: Measured) -> dict[str, str]:
    """One member of each host: what is counted is the whole machine's."""
    return {report.host: member for member, report in measured.reports.items()}


def _links(measured: Measured, window_s: float) -> list[dict[str, Any]]:
    rows = []
    for host, member in _by_host(measured).items():
        report, cost = measured.reports[member], measured.merge.costs[member]
        sent_bytes_per_s, received_bytes_per_s = cost.sent_bytes / window_s, cost.received_bytes / window_s
        speed = report.speed_bits_per_s
        rows.append(
            {
                "host": host,
                "interface": report.interface,
                "sent_bytes_per_s": sent_bytes_per_s,
                "received_bytes_per_s": received_bytes_per_s,
                "speed_bits_per_s": speed,
                "use": None if speed is None else 8 * max(sent_bytes_per_s, received_bytes_per_s) / speed,
            }
        )
    return rows


def _retransmits(measured: Measured) -> int:
    return sum(measured.merge.costs[member].retransmits for member in _by_host(measured).values())
