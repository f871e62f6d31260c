"""Work per request from samples: the window by two clocks, idle work taken out, damage refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from campaigns import make_study, write_campaign

from contracts.errors import InputError
from contracts.trial import LoadResult, TrialRecord
from contracts.work.counted import BY_SECOND, SERIES, Work
from contracts.work.series import Series, read_series
from contracts.work.step import work_step
from contracts.work.window import Clock, Counted, LoadWindow, work_of

NAMES = (
    *("application", "kernel", "idle", "unclassified", "system_calls", "system_returns", "interrupt_returns"),
    *("address_space_switches", "tlb_invalidations", "halts", "port_io", "msr_writes", "nested_entries"),
)
T0_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
FIRST_ANSWER_S, LOAD_S, WARM_UP_S, WINDOW_S, END_S = 2.0, 8.0, 2.0, 10.0, 21.0
RATE = 1000  # requests per second
APPLICATION, KERNEL, CALLS = 50_000, 20_000, 3  # per request
IDLE_LOOP, IDLE_KERNEL, IDLE_INTERRUPTS = 2_000_000, 6_000_000, 40  # per second, idle, with an idle loop
HALTING_KERNEL = 2_000_000  # per second, idle, with a kernel that halts
LOAD = LoadWindow(datetime.fromtimestamp(T0_NS / 1e9 + LOAD_S, timezone.utc), WARM_UP_S, WINDOW_S, 10_000)
COUNTED = Counted(
    "a service", "qemu-host", ranges=("kernel=1-2", "idle=1-1"), first_answer_ns=T0_NS + 2_000_000_000
)


def series(
    idle_part: Callable[[float], float] = lambda second: 0.0,
    has_loop: bool = True,
    has_split: bool = True,
    vcpus: int = 1,
    shift_ns: int = 0,
) -> Series:
    """A guest that boots, is idle, and from LOAD_S on works, ``idle_part`` of each second left idle."""
    totals = dict.fromkeys(NAMES, 0.0)
    times, rows = [], []
    for number in range(round(END_S * 10)):
        second = number / 10
        times.append(T0_NS + number * STEP_NS + shift_ns)
        rows.append(tuple(tuple(int(totals[name]) for name in NAMES) for _ in range(vcpus)))
        idle = 1.0 if second < LOAD_S else idle_part(second)
        requests = 0.0 if second < LOAD_S else RATE * 0.1
        _add(totals, requests / vcpus, idle * 0.1 / vcpus, has_loop, has_split)
    return Series(NAMES, tuple(times), (1000,) * len(times), tuple(rows))


def _add(totals: dict[str, float], requests: float, idle_s: float, has_loop: bool, has_split: bool) -> None:
    application, loop = requests * APPLICATION, idle_s * (IDLE_LOOP if has_loop else 0)
    kernel = requests * KERNEL + idle_s * (IDLE_KERNEL if has_loop or not has_split else HALTING_KERNEL)
    if has_split:
        totals["application"] += application
        totals["kernel"] += kernel
        totals["idle"] += loop
    else:
        totals["unclassified"] += application + kernel + loop
    totals["system_calls"] += requests * CALLS
    totals["interrupt_returns"] += requests + idle_s * IDLE_INTERRUPTS
    totals["halts"] += idle_s * 100


def per_request(work: Work) -> dict[str, Any]:
    assert work.per_request is not None
    return work.per_request.model_dump()


@pytest.mark.parametrize("vcpus", [1, 2])
def test_a_saturated_window_gives_the_counts_per_request(vcpus: int) -> None:
    work = work_of(series(vcpus=vcpus), COUNTED, LOAD)
    found = per_request(work)
    assert found["application"] == pytest.approx(APPLICATION, rel=1e-4)
    assert found["kernel"] == pytest.approx(KERNEL, rel=1e-4)
    assert found["instructions"] == pytest.approx(APPLICATION + KERNEL, rel=1e-4)
    assert found["system_calls"] == pytest.approx(CALLS, rel=1e-3)
    assert len(work.vcpus) == vcpus
    assert sum(row.instructions for row in work.vcpus) == pytest.approx(
        work.window.counts.instructions, abs=9
    )
    assert work.is_saturated and work.idle_share == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("has_loop", [True, False], ids=["idle loop", "halts"])
def test_idle_work_is_taken_out_by_the_idle_mark(has_loop: bool) -> None:
    """Half of the time idle, however that varies from second to second."""
    some = series(lambda second: 0.9 if second % 2 < 1 else 0.1, has_loop=has_loop)
    ranges = COUNTED.ranges if has_loop else ("kernel=1-2",)
    work = work_of(some, replace(COUNTED, ranges=ranges), LOAD)
    found = per_request(work)
    assert work.idle_mark == ("idle_loop" if has_loop else "halts")
    assert found["kernel"] == pytest.approx(KERNEL, rel=1e-3)
    assert found["instructions"] == pytest.approx(APPLICATION + KERNEL, rel=1e-3)
    assert found["interrupt_returns"] == pytest.approx(1, rel=1e-2)
    # Half of an idle second in each second of 70 million for requests.
    idle = (IDLE_LOOP + IDLE_KERNEL if has_loop else HALTING_KERNEL) / 2
    assert work.idle_share == pytest.approx(idle / (70e6 + idle), rel=0.02)


def test_each_second_of_the_window_has_its_instructions() -> None:
    work = work_of(series(lambda second: 0.9 if second % 2 < 1 else 0.1), COUNTED, LOAD)
    assert work.seconds == pytest.approx([RATE * (APPLICATION + KERNEL)] * 10, rel=2e-3)


def test_each_second_of_the_window_has_its_parts_as_counted() -> None:
    work = work_of(series(), COUNTED, LOAD)
    assert work.by_second["application"] == pytest.approx([RATE * APPLICATION] * 10, rel=2e-3)
    assert work.by_second["interrupt_returns"] == pytest.approx([RATE] * 10, rel=2e-2)
    assert set(work.by_second) == set(BY_SECOND)
    without_split = work_of(series(has_split=False), replace(COUNTED, ranges=()), LOAD)
    assert set(without_split.by_second) == {"interrupt_returns", "address_space_switches"}


def test_a_guest_that_waits_for_its_client_is_not_called_saturated() -> None:
    busy_s = 4
    waiting = series(lambda second: 0.0 if second < LOAD_S + WARM_UP_S + busy_s else 10.0)
    work = work_of(waiting, COUNTED, LOAD)
    assert work.saturated_s == pytest.approx(busy_s, abs=0.2)
    assert not work.is_saturated


def test_idle_time_before_the_load_is_the_quietest_third() -> None:
    """Commands that read caps and memory run in the counted guest before the load; they are not idle work."""
    base = series()
    rows = [list(row) for row in base.counts]
    for number, row in enumerate(rows):
        commands = 5_000_000 * min(max(number - 25, 0), 20)  # from 2.5 to 4.5 s
        values = list(row[0])
        values[0] += commands
        rows[number] = [tuple(values)]
    work = work_of(replace(base, counts=tuple(tuple(row) for row in rows)), COUNTED, LOAD)
    assert work.idle is not None and work.idle.counts.application == 0
    assert work.idle.counts.instructions / work.idle.seconds == pytest.approx(8e6, rel=1e-3)


def test_without_idle_time_nothing_is_taken_out_and_saturation_is_not_known() -> None:
    late = replace(COUNTED, first_answer_ns=T0_NS + round((LOAD_S - 0.8) * 1e9))
    work = work_of(series(), late, LOAD)
    assert work.idle is work.idle_mark is work.idle_share is work.saturated_s is None
    assert not work.is_saturated
    assert per_request(work)["kernel"] == pytest.approx(KERNEL, rel=1e-3)


def test_a_host_that_is_busy_until_the_load_shows_no_idle_work_and_nothing_is_taken_out() -> None:
    """Programs run on a container host from the first answer to the load, and their work is no idle work."""
    base = series()
    rows = []
    for number, row in enumerate(base.counts):
        values = list(row[0])
        values[0] += 1_000_000 * min(max(number - 20, 0), 60)  # from 2 to 8 s, a fifth of the load's rate
        rows.append((tuple(values),))
    work = work_of(replace(base, counts=tuple(rows)), COUNTED, LOAD)
    assert work.idle is work.idle_mark is work.saturated_s is None
    found = per_request(work)
    assert found["application"] == pytest.approx(APPLICATION, rel=1e-3)
    assert found["instructions"] == pytest.approx(found["application"] + found["kernel"])


def test_halts_of_a_loaded_guest_take_out_no_more_than_an_idle_guest_executes() -> None:
    """Background programs of a container host run while it is idle; under load it halts for each request."""
    base = series(has_loop=False)
    halts, application = NAMES.index("halts"), NAMES.index("application")
    rows = []
    for number, row in enumerate(base.counts):
        values = list(row[0])
        values[application] += 150_000 * number  # 1.5 million a second, 3 % of the load's rate
        values[halts] = number + 200 * max(0, number - round(LOAD_S * 10))  # 10 and 2,010 a second
        rows.append((tuple(values),))
    work = work_of(replace(base, counts=tuple(rows)), replace(COUNTED, ranges=("kernel=1-2",)), LOAD)
    found = per_request(work)
    assert work.idle_mark == "halts"
    assert found["application"] == pytest.approx(APPLICATION, rel=1e-3)
    assert found["kernel"] == pytest.approx(KERNEL - HALTING_KERNEL / RATE, rel=1e-3)
    assert work.idle_share == pytest.approx(3.5 / 71.5, rel=1e-2)


def test_a_halting_kernel_that_works_before_the_load_shows_no_idle_work() -> None:
    """The commands that read caps and memory run in the container host's kernel, not in its application."""
    base = series(has_loop=False)
    kernel = NAMES.index("kernel")
    rows = []
    for number, row in enumerate(base.counts):
        values = list(row[0])
        values[kernel] += 400_000 * min(number, round(LOAD_S * 10))  # 4 million a second
        rows.append((tuple(values),))
    work = work_of(replace(base, counts=tuple(rows)), replace(COUNTED, ranges=("kernel=1-2",)), LOAD)
    assert work.idle_mark is None
    assert per_request(work)["kernel"] == pytest.approx(KERNEL, rel=1e-3)


def test_clocks_that_differ_are_brought_together() -> None:
    """The client is 3 s ahead of the controller, the counting host 2 s behind."""
    ahead_ns, behind_ns = 3_000_000_000, -2_000_000_000
    load = replace(LOAD, started_at=datetime.fromtimestamp(LOAD.started_at.timestamp() + 3, timezone.utc))
    counted = replace(
        COUNTED,
        client=Clock(ahead_ns, 4_000_000),
        host=Clock(behind_ns, 6_000_000),
        first_answer_ns=COUNTED.first_answer_ns + behind_ns,
    )
    work = work_of(
        series(lambda second: float(second < LOAD_S + WARM_UP_S), shift_ns=behind_ns), counted, load
    )
    assert work.idle_share == pytest.approx(0, abs=1e-6)
    assert per_request(work)["application"] == pytest.approx(APPLICATION, rel=1e-4)
    assert work.alignment_error_ms == pytest.approx(10.001)


def test_without_a_split_only_the_total_is_given() -> None:
    work = work_of(series(has_split=False, has_loop=False), replace(COUNTED, ranges=()), LOAD)
    found = per_request(work)
    assert found["application"] is None and found["kernel"] is None
    assert found["instructions"] == pytest.approx(APPLICATION + KERNEL, rel=1e-3)


def test_a_window_beyond_the_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples around"):
        work_of(series(), COUNTED, replace(LOAD, window_s=60))


def write_table(folder: Path, some: Series) -> Path:
    path = folder / SERIES
    with gzip.open(path, "wt") as stream:
        stream.write(",".join(("realtime_ns", "spread_ns", "vcpu", *some.names)) + "\n")
        for time_ns, spread_ns, rows in zip(some.times_ns, some.spreads_ns, some.counts, strict=True):
            for vcpu, row in enumerate(rows):
                stream.write(",".join(map(str, (time_ns, spread_ns, vcpu, *row))) + "\n")
    return path


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    some = series(vcpus=2)
    assert read_series(write_table(tmp_path, some)) == some


@pytest.mark.parametrize("damage", ["cut", "header", "words", "rows", "missing", "empty"])
def test_a_damaged_table_is_named(tmp_path: Path, damage: str) -> None:
    path = write_table(tmp_path, series(vcpus=2))
    text = gzip.decompress(path.read_bytes()).decode()
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "missing":
        path.unlink()
    else:
        changed = {
            "header": text.replace("realtime_ns", "time"),
            "words": text.replace(",0,", ",x,"),
            "rows": "\n".join(text.splitlines()[:-1]),
            "empty": "",
        }[damage]
        path.write_bytes(gzip.compress(changed.encode()))
    with pytest.raises(InputError, match=SERIES):
        read_series(path)


def result(**changes: Any) -> dict[str, Any]:
    return {
        "series": {"mode": "inline", "api_version": 1, "interval_ms": 100, "ranges": list(COUNTED.ranges)},
        "client_clock": {"offset_ns": 0, "error_ns": 1_000_000},
        "host_clock": {"offset_ns": 0, "error_ns": 2_000_000},
        "counted_on": "qemu-host",
        "includes": "a service",
    } | changes


START = {
    "first_answer_ns": COUNTED.first_answer_ns,
    "first_answer_counts": [[5, 7, *([0] * 11)], [1, 2, *([0] * 11)]],
}


@pytest.fixture
def load() -> LoadResult:
    return LoadResult.model_construct(
        started_at=LOAD.started_at, warm_up_s=WARM_UP_S, window_s=WINDOW_S, requests=10_000
    )


def test_a_step_becomes_the_part_of_the_record(tmp_path: Path, load: LoadResult) -> None:
    write_table(tmp_path, series())
    work, why = work_step(result(), START, load, tmp_path)
    assert work is not None and why == ""
    assert work.first_answer is not None and work.first_answer.instructions == 15
    assert work.alignment_error_ms == pytest.approx(3.001)
    assert Work.model_validate_json(work.model_dump_json()) == work


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ({"why": "the study sets without_counts"}, "the study sets without_counts"),
        (result(series={"failed": True, "msg": "counts.bin: gone"}), "counts.bin: gone"),
        ({}, "no samples were collected"),
    ],
)
def test_a_step_that_collected_nothing_says_why(
    tmp_path: Path, load: LoadResult, step: dict[str, Any], wanted: str
) -> None:
    assert work_step(step, START, load, tmp_path) == (None, wanted)


def test_samples_that_miss_the_window_are_reported(tmp_path: Path, load: LoadResult) -> None:
    write_table(tmp_path, series())
    late = load.model_copy(update={"window_s": 60.0})
    work, why = work_step(result(), START, late, tmp_path)
    assert work is None and "do not cover the window" in why


def test_a_record_of_version_1_is_read_and_has_no_counts(tmp_path: Path) -> None:
    write_campaign(tmp_path / "old", make_study(services=["todos-go"], boots=1), finished=1)
    (path,) = (tmp_path / "old").glob("trials/*/trial.json")
    content = json.loads(path.read_text())
    del content["work"], content["why_no_work"]
    record = TrialRecord.model_validate(content | {"schema_version": 1})
    assert (record.schema_version, record.work, record.why_no_work) == (1, None, "")
