"""The record's part ``load``, out of intervals and reports that a test fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.trial import LoadResult
from tests.unit.unilab_load.builders import interval_of, merge_of

Load = Callable[[str], Any]


def _plan(load: Load, **changes: Any) -> Any:
    plan = load("worker.plan").LoadPlan(
        warm_up_s=0,
        duration_s=2,
        requests=None,
        max_s=60,
        timeout_s=5,
        rate_per_s=None,
        arrivals="poisson",
        seed=0,
    )
    return replace(plan, **changes)


class _Two:
    """Two members of 4 users in all, on two hosts: each 2 s of 10 responses of 2 ms a second."""

    def __init__(self, load: Load, folder: Path, **plan: Any) -> None:
        self._load = load
        self.options = SimpleNamespace(users=4, ceiling_per_s=None)
        merge = merge_of(load, folder / "latency.hlog")
        orders = {name: SimpleNamespace(users=2) for name in "ab"}
        self.measured = load("lead.measured").Measured(
            _started_at(), merge, _plan(load, **plan), orders, dict.fromkeys("ab", 0.0)
        )
        self.reports = {name: self._report(name) for name in "ab"}

    def _report(self, name: str) -> Any:
        intervals = [interval_of(self._load, float(second), "window", [2000] * 10) for second in range(2)]
        for interval in intervals:
            interval.busy_user_s = 2.0
        report = self._load("worker.messages").WorkerReport(1, f"host-{name}", 7, 2, intervals=intervals)
        report.interface, report.speed_bits_per_s, report.over = "eth0", 1e6, True
        return report

    def result(self) -> dict[str, Any]:
        for name, report in self.reports.items():
            self.measured.add(name, report, 1.0)
        self.measured.merge.finish()
        found: dict[str, Any] = self._load("lead.result").load_result(self.options, self.measured, "tool")
        LoadResult(**found | {"search": []})
        return found


def _started_at() -> Any:
    from datetime import datetime, timezone

    return datetime(2026, 1, 2, tzinfo=timezone.utc)


def test_result_adds_up_over_processes(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path)
    two.options.ceiling_per_s = 500.0
    result = two.result()
    assert (result["requests"], result["window_s"], result["throughput_per_s"]) == (40, 2, 20)
    assert (result["mean_response_ms"], result["percentiles_ms"]["max"]) == (2, 2)
    assert result["percentiles_ms"]["p50"] == pytest.approx(2, rel=1e-3)
    assert (result["loop"], result["rate_per_s"], result["arrivals"]) == ("closed", None, None)
    assert result["little_residual"] == 0 and result["verdict"] == "valid"
    generator = result["generator"]
    # Each interval costs 0.5 s of CPU and one segment sent again, see interval_of.
    assert (generator["cpu_percent"], generator["cpu_s"], generator["processes"]) == (50, 2, 2)
    assert (generator["ceiling_per_s"], generator["retransmits"], generator["early_retransmits"]) == (
        1000,
        4,
        0,
    )
    assert [row["host"] for row in generator["workers"]] == ["host-a", "host-b"]


def test_segments_that_prove_not_to_be_lost_in_the_window_leave_no_negative_count(
    load: Load, tmp_path: Path
) -> None:
    """They were counted in the warm-up; their second arrival is reported in the window."""
    two = _Two(load, tmp_path)
    for interval in two.reports["b"].intervals:
        interval.cost.retransmits, interval.cost.early_retransmits = -16, -3
    generator = two.result()["generator"]
    assert (generator["retransmits"], generator["early_retransmits"]) == (0, 0)


def test_busiest_process_decides_on_the_cpu(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path)
    for interval in two.reports["b"].intervals:
        interval.cost.cpu_s = 0.9
    result = two.result()
    assert result["generator"]["cpu_percent"] == pytest.approx(90)
    assert result["verdict"] == "generator used 90 % of a core, limit 80 %"


@pytest.mark.parametrize(
    ("sent_bytes", "received_bytes", "use"),
    [(100_000, 50, "80"), (100_100, 50, "80"), (50, 125_000, "100")],
)
def test_busier_direction_of_the_busiest_link_counts(
    sent_bytes: int, received_bytes: int, use: str, load: Load, tmp_path: Path
) -> None:
    two = _Two(load, tmp_path)
    for interval in two.reports["b"].intervals:
        interval.cost.sent_bytes, interval.cost.received_bytes = sent_bytes, received_bytes
    result = two.result()
    row = result["generator"]["links"][1]
    assert (row["sent_bytes_per_s"], row["received_bytes_per_s"]) == (sent_bytes, received_bytes)
    expected = "valid" if sent_bytes == 100_000 else f"the client's link was used to {use} %, limit 80 %"
    assert result["verdict"] == expected


def test_link_without_a_speed_has_no_use(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path)
    for report in two.reports.values():
        report.speed_bits_per_s = None
        for interval in report.intervals:
            interval.cost.sent_bytes = 10**9
    assert two.result()["verdict"] == "valid"


def test_processes_of_one_host_share_its_link(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path)
    for report in two.reports.values():
        report.host = "one"
        for interval in report.intervals:
            interval.cost.sent_bytes = 60_000  # each reads the same counter: together this is no 96 %
    result = two.result()
    assert [row["sent_bytes_per_s"] for row in result["generator"]["links"]] == [60_000]
    assert result["verdict"] == "valid"


def test_open_loop_is_judged_by_its_own_lateness(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path, rate_per_s=20.0)
    for report in two.reports.values():
        report.unsent = 3
        for interval in report.intervals:
            interval.lateness, interval.own_lateness = (
                load("worker.interval").new_histogram() for _ in range(2)
            )
            interval.lateness.record_value(900_000, 10)
            interval.own_lateness.record_value(1500, 10)
    result = two.result()
    assert (result["loop"], result["arrivals"], result["unsent"]) == ("open", "poisson", 6)
    assert result["little_residual"] is None
    assert result["lateness_ms"]["p99"] == pytest.approx(900, rel=1e-3)
    assert result["own_lateness_ms"]["max"] == pytest.approx(1.5, rel=1e-3)
    assert result["verdict"] == "1 % of requests were sent over 1.5 ms late, limit 1.0 ms"


def test_details_are_of_the_windows_errors(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path)
    two.reports["a"].intervals[0].errors.update(status=2, reset=1)
    two.reports["a"].details = {"status": "status 500 and not 200", "reset": "", "body": "in the warm-up"}
    result = two.result()
    assert result["errors"] == {"status": 2, "reset": 1}
    assert result["error_details"] == {"status": "status 500 and not 200"}
    assert two.measured.described_errors() == "reset 1, status 2 (such as: status 500 and not 200)"


def test_without_a_right_response_there_is_no_result(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path)
    two.reports = {}
    two.measured.merge.add("a", [interval_of(load, 0.0, "window", [])])
    two.measured.merge.finish()
    assert load("lead.result").load_result(two.options, two.measured, "tool") is None
    assert two.measured.why_nothing() == "no right answer in the window of 1.0 s (errors: none)"


def test_why_nothing_names_a_window_that_never_began(load: Load, tmp_path: Path) -> None:
    two = _Two(load, tmp_path, warm_up_s=5.0)
    two.measured.merge.finish()
    assert two.measured.why_nothing() == (
        "all requests were settled within the warm-up of 5 s; give more --requests or a shorter --warm-up-s"
    )


def test_summary_has_six_lines(load: Load, tmp_path: Path) -> None:
    module, ending = load("lead.summary"), load("lead.liveness").Ending
    result = _Two(load, tmp_path).result()
    result["generator"]["early_retransmits"] = 9
    lines = module.summary(ending("completed"), result, "status 1", tmp_path)
    assert [line.split(":")[0] for line in lines] == [
        *("outcome", "verdict", "rate", "percentiles", "errors", "histogram"),
    ]
    assert lines[1].startswith("verdict:     valid (9 TCP segments were sent again before the target's first")
    assert lines[2] == "rate:        20.0 requests/s: 40 right responses in 2.0 s by 4 users"
    assert lines[5] == f"histogram:   {tmp_path}/latency.hlog"
    lines = module.summary(ending("hung", "no answer"), None, "none", tmp_path)
    assert lines[0] == "outcome:     hung: no answer" and lines[5] == f"histogram:   none; see {tmp_path}"
