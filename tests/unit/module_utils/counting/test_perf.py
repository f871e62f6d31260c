"""Counting under KVM by perf.

No machine with KVM and a PMU was available: RECORDED is what perf 6.1 printed on one without a PMU, and
``printed`` writes numbers into the same lines.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible.module_utils.unilab.counting import perf
from ansible.module_utils.unilab.errors import LabError
from module_run import run

from contracts.trial import LoadResult
from contracts.work.counted import SERIES
from contracts.work.step import PERF_MODE, work_step
from filter_plugins.counting.counting import counted_includes

# perf stat -x, -I 100 -e instructions:Gu,...,kvm:kvm_entry -o FILE -- sleep 0.35
RECORDED = """# started on Fri Nov 27 19:21:35 2026

     0.100142384,<not supported>,,instructions:Gu,0,100.00,,
     0.100142384,<not supported>,,instructions:Gk,0,100.00,,
     0.100142384,<not supported>,,instructions:Hu,0,100.00,,
     0.100142384,<not supported>,,instructions:Hk,0,100.00,,
     0.100142384,0,,kvm:kvm_entry,752183,100.00,0.000,/sec
     0.200365083,<not supported>,,instructions:Gu,0,100.00,,
     0.200365083,<not supported>,,instructions:Gk,0,100.00,,
     0.200365083,<not supported>,,instructions:Hu,0,100.00,,
     0.200365083,<not supported>,,instructions:Hk,0,100.00,,
     0.200365083,<not counted>,,kvm:kvm_entry,0,100.00,,
"""
STARTED_NS = 1_700_000_000_000_000_000
PER_INTERVAL = (5_600_000, 2_100_000, 400_000, 900_000, 50)  # in the order of EVENTS
ANSWERS = 100  # in each interval


def printed(intervals: int, counts: tuple[int, ...] = PER_INTERVAL, running: str = "100.00") -> str:
    """What perf prints where the counters are supported; nothing runs in the first interval."""
    lines = ["# started on Fri Nov 27 19:21:35 2026", ""]
    for number in range(1, intervals + 1):
        for event, count in zip(perf.EVENTS, counts, strict=True):
            value = "<not counted>" if number == 1 else str(count)
            lines.append(f"     {number / 10:.9f},{value},,{event},752183,{running},,")
    return "\n".join(lines) + "\n"


def test_samples_are_running_totals_by_the_clock_of_the_start() -> None:
    samples = perf.samples_of(printed(3), STARTED_NS)
    assert [sample.realtime_ns - STARTED_NS for sample in samples] == [0, 10**8, 2 * 10**8, 3 * 10**8]
    assert [sample.counts[0] for sample in samples] == [0, 0, 5_600_000, 11_200_000]
    assert samples[-1].counts == tuple(2 * count for count in PER_INTERVAL)


def test_an_interval_that_perf_still_writes_is_no_sample() -> None:
    text = printed(3)
    assert len(perf.samples_of(text[: text.rindex("kvm:kvm_entry")], STARTED_NS)) == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (RECORDED, r"does not count instructions:Gu\. Remedy: "),
        (printed(3, running="62.50"), r"instructions:Gu was counted for 62\.50 % of the time\. Remedy: "),
        ("", r"no whole interval\. Remedy: "),
    ],
)
def test_counts_that_are_missing_or_estimated_are_refused(text: str, problem: str) -> None:
    with pytest.raises(LabError, match=problem):
        perf.samples_of(text, STARTED_NS)


def test_perf_that_is_not_installed_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"perf is not installed\. Remedy: "):
        perf.probe()


def test_perf_that_may_not_count_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "perf"
    program.write_text("#!/bin/sh\necho 'Access to performance monitoring is limited.' >&2; exit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LabError, match=r"perf cannot count here: Access to .* is limited.*Remedy: "):
        perf.probe()


def step_of(folder: Path, counts: tuple[int, ...]) -> dict[str, object]:
    """What a trial's step collects from a guest under KVM: perf's file becomes the table of samples."""
    path = perf.counts_file(folder)
    path.write_text(printed(200, counts), encoding="ascii")
    path.with_suffix(".started").write_text(f"{STARTED_NS}\n", encoding="ascii")
    series = run("work_series", counts=str(path), path=str(folder / SERIES))
    assert series["_rc"] == 0, series["_output"]
    clock = {"offset_ns": 0, "error_ns": 1000}
    includes = counted_includes("linux", "guest", series["mode"])
    step: dict[str, object] = {"series": series, "client_clock": clock, "host_clock": clock}
    return step | {"includes": includes, "counted_on": "qemu-host"}


LOAD = LoadResult.model_construct(
    started_at=datetime.fromtimestamp(STARTED_NS / 1e9 + 4, timezone.utc),
    warm_up_s=5.0,
    window_s=10.0,
    requests=100 * ANSWERS,
)


def test_a_trial_under_kvm_has_the_guest_and_what_the_host_did_for_it(tmp_path: Path) -> None:
    step = step_of(tmp_path, PER_INTERVAL)
    work, why = work_step(step, {}, LOAD, tmp_path)
    assert work and work.per_request and why == ""
    assert (work.source, work.mode, work.api_version) == ("perf", PERF_MODE, None)
    layers = work.per_request.layers
    assert layers and (layers.application, layers.kernel, layers.host) == (56_000, 21_000, 13_000)
    assert work.per_request.instructions == 90_000 and work.per_request.nested_entries == 0.5
    assert work.per_request.system_calls is None and work.idle_mark is None
    assert "QEMU's device model" in work.includes


def test_a_guest_that_runs_all_in_ring_0_has_only_a_total(tmp_path: Path) -> None:
    work, _ = work_step(step_of(tmp_path, (0, 7_700_000, 400_000, 900_000, 50)), {}, LOAD, tmp_path)
    assert work and work.per_request and work.per_request.layers is None
    assert work.per_request.instructions == 90_000
    assert work.per_request.guest_kernel is None and work.per_request.nested_entries == 0.5


def test_a_file_of_perf_without_counts_is_one_message(tmp_path: Path) -> None:
    path = perf.counts_file(tmp_path)
    path.write_text(RECORDED, encoding="ascii")
    path.with_suffix(".started").write_text(f"{STARTED_NS}\n", encoding="ascii")
    result = run("work_series", counts=str(path), path=str(tmp_path / SERIES))
    assert result["_rc"] != 0 and "does not count instructions:Gu" in result["msg"]
    assert not (tmp_path / SERIES).exists()
