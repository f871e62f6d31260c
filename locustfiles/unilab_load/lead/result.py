"""The record's part ``load``, made from what was measured."""

from __future__ import annotations

from typing import Any

from hdrh.histogram import HdrHistogram

from unilab_load.lead.measured import Measured
from unilab_load.lead.options import LoadOptions
from unilab_load.lead.verdict import GeneratorUse, generator_verdict

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9}
LATENESS = {"p50": 50.0, "p99": 99.0, "max": 100.0}


def load_result(options: LoadOptions, measured: Measured, tool: str) -> dict[str, Any] | None:
    """The record's part ``load``, as docs/load.md explains it; None where there is no right response."""
    window, window_s, plan = measured.merge.window, measured.window_s, measured.plan
    if window_s <= 0 or not window.answers:
        return None
    closed = plan.rate_per_s is None
    percentiles_ms = _percentiles_ms(window.latencies, PERCENTILES, window.max_ns / 1e6)
    own_lateness_ms = _percentiles_ms(window.own_lateness, LATENESS)
    workers = [_process(measured, member, window_s) for member in measured.orders]
    links = _links(measured, window_s)
    use = GeneratorUse(
        cpu_percent=max(row["cpu_percent"] for row in workers),
        requests=window.answers,
        errors=dict(window.errors),
        throughput_per_s=window.answers / window_s,
        little_residual=window.busy_user_s / (options.users * window_s - _idle_user_s(measured)) - 1
        if closed
        else None,
        ceiling_per_s=options.ceiling_per_s and options.ceiling_per_s * len(workers),
        own_lateness_p99_ms=own_lateness_ms.get("p99"),
        response_p50_ms=percentiles_ms["p50"],
        link_use=_highest_use(links),
        # A segment that is sent again in the warm-up, and reported as received twice only in the window, is
        # no longer counted: the window's own count may then be below 0.
        retransmits=max(0, window.cost.retransmits),
        lost=sorted(measured.lost),
    )
    return {
        "loop": "closed" if closed else "open",
        "users": options.users,
        "warm_up_s": plan.warm_up_s,
        "window_s": window_s,
        "started_at": measured.started_at.isoformat(),
        "requests": window.answers,
        "throughput_per_s": use.throughput_per_s,
        "mean_response_ms": window.sum_ns / window.answers / 1e6,
        "percentiles_ms": percentiles_ms | {"max": window.max_ns / 1e6},
        "little_residual": window.busy_user_s / (options.users * window_s) - 1 if closed else None,
        "errors": dict(window.errors),
        "error_details": {kind: why for kind, why in measured.details().items() if kind in window.errors},
        "responses_checked": window.checked,
        "generator": {
            "tool": tool,
            "cpu_percent": use.cpu_percent,
            "cpu_s": sum(row["cpu_s"] for row in workers),
            "processes": len(workers),
            "workers": workers,
            "ceiling_per_s": use.ceiling_per_s,
            "retransmits": use.retransmits,
            "early_retransmits": max(0, window.cost.early_retransmits),
            "links": links,
        },
        "verdict": generator_verdict(use),
        "histogram": "latency.hlog",
        "rate_per_s": plan.rate_per_s,
        "arrivals": None if closed else plan.arrivals,
        "lateness_ms": _percentiles_ms(window.lateness, LATENESS),
        "own_lateness_ms": own_lateness_ms,
        "unsent": sum(report.unsent for report in measured.reports.values()),
    }


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


def _links(measured: Measured, window_s: float) -> list[dict[str, Any]]:
    """One row per host: bytes are counted for the whole machine, so one member of each host counts."""
    by_host = {report.host: member for member, report in measured.reports.items()}
    rows = []
    for host, member in by_host.items():
        report, cost = measured.reports[member], measured.merge.costs[member]
        rows.append(
            {
                "host": host,
                "interface": report.interface,
                "sent_bytes_per_s": cost.sent_bytes / window_s,
                "received_bytes_per_s": cost.received_bytes / window_s,
                "speed_bits_per_s": report.speed_bits_per_s,
            }
        )
    return rows


def _highest_use(links: list[dict[str, Any]]) -> float | None:
    """The highest share of a link's speed, in its busier direction; None where no link reports a speed."""
    uses = [
        8 * max(row["sent_bytes_per_s"], row["received_bytes_per_s"]) / row["speed_bits_per_s"]
        for row in links
        if row["speed_bits_per_s"] is not None
    ]
    return max(uses, default=None)
