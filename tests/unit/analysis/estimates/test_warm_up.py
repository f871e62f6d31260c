"""Warm-up from pilots: the exponential fit on simulated curves, and the cells of a campaign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from campaigns import make_study, write_campaign

from analysis.checks.evidence import evidence_of
from analysis.checks.pilots import warm_ups_of
from analysis.estimates.pairs import find_pairs
from analysis.estimates.warm_up import LEAST_S, warm_up
from analysis.records.results import read_results
from contracts.campaign import Campaign
from contracts.loads import Load
from contracts.study import Study
from contracts.trial import TrialRecord
from contracts.warm_up import (
    CellWarmUp,
    has_record,
    pilot_load,
    plan_pilots,
    read_warm_ups,
    remaining_pilots,
    trial_load,
    write_warm_ups,
)
from contracts.work.counted import Work, WorkCounts, WorkPeriod

WINDOW_S = 20


def java(times: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Rises twelvefold: the JIT compiler is at work for most of a minute."""
    return 1 - 0.92 * np.exp(-times / 13)


@pytest.mark.parametrize("noise", [0.02, 0.10, 0.25])
def test_java_is_measured_after_its_warm_up(noise: float) -> None:
    generator = np.random.default_rng(30)
    biases = []
    for _ in range(60):
        level = 1200 * generator.lognormal(0, 0.05, (3, 1))
        seconds = level * java(np.arange(120) + 0.5) * generator.normal(1, noise, (3, 120))
        found = warm_up(np.maximum(seconds, 0).tolist())
        assert found and found.steady
        biases.append(1 - java(found.seconds + np.arange(WINDOW_S) + 0.5).mean())
    assert float(np.mean(biases)) < 0.02
    assert float(np.quantile(biases, 0.95)) < 0.03


@pytest.mark.parametrize("noise", [0.02, 0.10])
def test_what_is_steady_at_once_warms_up_for_the_least_time(noise: float) -> None:
    generator = np.random.default_rng(31)
    found = [warm_up((800 * generator.normal(1, noise, (3, 120))).tolist()) for _ in range(60)]
    assert np.median([row.seconds for row in found if row]) == LEAST_S
    assert np.mean([row.steady for row in found if row]) >= 0.9


def test_a_cell_that_still_rises_at_the_end_has_no_steady_state() -> None:
    seconds = 1 - 0.9 * np.exp(-np.arange(60) / 60)
    found = warm_up([seconds.tolist()] * 3)
    assert found
    assert (found.seconds, found.steady) == (60, False)
    assert warm_up([[1.0] * 9, [0.0] * 60]) is None


PILOTS = {"boots": 2, "duration_s": 30}


def study(**changes: object) -> Study:
    load = {"bubble_sort": {"users": 4, "duration_s": 10}}
    return make_study(
        **{"services": ["bubble_sort-go"], "load": load, "pilots": PILOTS, "boots": 3} | changes
    )


def test_steady_is_the_default_and_a_fixed_time_remains_possible() -> None:
    assert Load(users=1, duration_s=10).warm_up == "steady"
    fixed = Load(users=1, duration_s=10, warm_up_s=3)
    assert (fixed.warm_up, fixed.warm_up_s) == (None, 3)
    with pytest.raises(ValueError, match="either warm_up: steady or warm_up_s"):
        Load.model_validate({"users": 1, "duration_s": 10, "warm_up": "steady", "warm_up_s": 3})
    assert Load.model_validate(fixed.model_dump()) == fixed


def test_pilots_are_planned_for_cells_that_need_them() -> None:
    planned = plan_pilots(study(control="docker"))
    assert len(planned) == 2 * 3
    assert {pilot.cell.arm for pilot in planned} == {"docker", "linux-qemu", "osv-qemu"}
    assert planned[0].id == "P001" and planned[0].directory.startswith("../pilots/P001-bubble_sort-go-")
    assert planned == plan_pilots(study(control="docker"))
    assert plan_pilots(make_study()) == []


def test_loads_of_pilots_and_trials() -> None:
    made = study(control="docker")
    cells = {cell.arm: cell for cell in made.cells()}
    load = pilot_load(made, cells["docker"])
    assert (load.warm_up_s, load.duration_s) == (0, 30)
    known = [CellWarmUp(cell=cells["docker"].slug, warm_up_s=7, steady=True, pilots=2)]
    assert trial_load(made, cells["docker"], known).warm_up_s == 7
    assert trial_load(made, cells["docker-again"], known).warm_up_s == 7
    assert trial_load(made, cells["osv-qemu"], known).warm_up_s == 30
    assert trial_load(make_study(), make_study().cells()[0], []).warm_up_s == 3


def pilots(directory: Path, made: Study, count: int) -> Campaign:
    """A campaign of which ``count`` pilots have been run."""
    return write_campaign(directory, made, trials=plan_pilots(made)[:count])


def test_the_warm_up_of_a_cell_is_found_once(tmp_path: Path) -> None:
    made = study()
    campaign = pilots(tmp_path / "c", made, 6)
    assert all(has_record(tmp_path / "c", pilot) for pilot in plan_pilots(made))
    assert remaining_pilots(tmp_path / "c", campaign) == []
    found = warm_ups_of(tmp_path / "c")
    assert [(row.warm_up_s, row.steady, row.pilots) for row in found] == [(LEAST_S, True, 2)] * 3
    assert write_warm_ups(tmp_path / "c", found)
    assert not write_warm_ups(tmp_path / "c", [row.model_copy(update={"warm_up_s": 99}) for row in found])
    assert read_warm_ups(tmp_path / "c") == found


def test_a_cell_whose_pilots_are_not_all_run_is_not_known_yet(tmp_path: Path) -> None:
    made = study()
    campaign = pilots(tmp_path / "c", made, 4)
    assert len(remaining_pilots(tmp_path / "c", campaign)) == 2
    assert len(warm_ups_of(tmp_path / "c")) == 1


def test_the_warm_up_of_counted_pilots_is_that_of_their_work(tmp_path: Path) -> None:
    """Throughput is steady at once; answers per instruction are not: a machine that grows slower hides it."""
    made = study(load={"bubble_sort": {"users": 4, "duration_s": 40}})
    needed = 1e6 / (1 - 0.9 * np.exp(-(np.arange(40) + 0.5) / 4))

    def counted(record: TrialRecord) -> TrialRecord:
        counts = WorkCounts(instructions=10**9)
        work = Work(
            source="tcg_plugin",
            scope="guest",
            includes="a service",
            counted_on="qemu-host",
            window=WorkPeriod(seconds=40, counts=counts),
            vcpus=[counts],
            sample_interval_ms=100,
            longest_gap_ms=101,
            alignment_error_ms=3,
            seconds=[round(value) for value in needed],
        )
        is_counted = record.cell.arm != "docker" or record.id in some
        return record.model_copy(update={"work": work if is_counted else None})

    planned = plan_pilots(made)
    some = {next(pilot.id for pilot in planned if pilot.cell.arm == "docker")}
    write_campaign(tmp_path / "c", made, trials=planned, edit=counted)
    seconds = {row.cell.split("-")[2]: row.warm_up_s for row in warm_ups_of(tmp_path / "c")}
    # 4 s x ln(0.9 / 0.02) = 15.2 s. One of docker's pilots was not counted, so its throughput is used.
    assert seconds == {"docker": LEAST_S, "linux": pytest.approx(15, abs=2), "osv": pytest.approx(15, abs=2)}


def test_a_cell_without_a_steady_state_is_not_compared(tmp_path: Path) -> None:
    made = make_study(services=["bubble_sort-go"], boots=3)
    write_campaign(tmp_path / "c", made)
    slugs = {cell.arm: cell.slug for cell in made.cells()}
    rows = [CellWarmUp(cell=slugs["docker"], warm_up_s=120, steady=False, pilots=3)]
    write_warm_ups(tmp_path / "c", rows)
    found, refusals = find_pairs(evidence_of(read_results(tmp_path / "c")))
    assert [(pair.other.cell.arm, pair.base.cell.arm) for pair in found] == [("osv-qemu", "linux-qemu")]
    assert refusals[0].reason == "docker: no steady state in 3 pilots"
