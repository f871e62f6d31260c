"""Campaigns that end when they are precise: the study's keys, the rule for blocks, and what is read after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from campaigns import make_study, write_campaign

from analysis.records.results import read_results
from analysis.verdicts.stopping import why_enough
from contracts.campaign import STOPPED, read_campaign
from contracts.opening import open_campaign
from contracts.plan import plan_trials
from contracts.stopping import block_is_wanted
from contracts.study import Study
from contracts.warm_up import PilotTrial

BOOTS = {"least": 3, "most": 6}


def study(**changes: object) -> Study:
    return make_study(**{"services": ["bubble_sort-go"], "boots": BOOTS, "precision": 0.05} | changes)


def refuse(_directory: Path) -> str:
    raise AssertionError("nobody is to be asked")


def test_boots_may_have_a_least_and_a_most() -> None:
    assert (study().least_boots, study().most_boots) == (3, 6)
    assert (make_study(boots=4).least_boots, make_study(boots=4).most_boots) == (4, 4)
    with pytest.raises(ValueError, match="need precision"):
        study(precision=None)
    with pytest.raises(ValueError, match=r"most \(2\) is less than least \(3\)"):
        study(boots={"least": 3, "most": 2})


def test_a_study_with_fixed_boots_keeps_its_hash() -> None:
    assert make_study(boots=3).sha256 == make_study(boots=3, precision=None, headline=None).sha256
    assert make_study(boots=3).sha256 != make_study(boots=3, precision=0.05).sha256


def test_all_blocks_are_planned_in_an_order_that_does_not_depend_on_results() -> None:
    assert plan_trials(study())[:9] == plan_trials(study(boots={"least": 3, "most": 3}))
    assert {trial.block for trial in plan_trials(study())} == set(range(6))


def test_blocks_below_the_least_are_wanted_unasked(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", study(), finished=0)
    assert all(block_is_wanted(tmp_path / "c", block, refuse) for block in range(3))


def test_a_block_that_has_begun_is_finished(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", study(), finished=10)
    assert block_is_wanted(tmp_path / "c", 3, refuse)


def test_more_blocks_are_wanted_until_there_are_enough(tmp_path: Path) -> None:
    directory = tmp_path / "c"
    write_campaign(directory, study(), finished=12)
    assert block_is_wanted(directory, 4, lambda _: "")
    assert not (directory / STOPPED).exists()
    assert not block_is_wanted(directory, 4, lambda _: "it is precise")
    stated = json.loads((directory / STOPPED).read_text(encoding="utf-8"))
    assert stated == {"after_blocks": 4, "why": "it is precise"}
    assert not block_is_wanted(directory, 5, refuse)
    assert block_is_wanted(directory, 2, refuse)


def test_a_campaign_that_ended_is_complete(tmp_path: Path) -> None:
    directory = tmp_path / "c"
    campaign = write_campaign(directory, study(), finished=12)
    assert len(read_results(directory).to_do) == 6
    block_is_wanted(directory, 4, lambda _: "it is precise")
    assert len(read_campaign(directory).trials) == 12
    assert read_results(directory).complete
    opened = open_campaign(tmp_path, campaign.study, [], "c", campaign.created_at)
    assert opened.remaining == []


def test_a_time_limit_needs_blocks_that_may_be_added() -> None:
    with pytest.raises(ValueError, match="time_limit_min needs boots with least and most"):
        make_study(boots=3, time_limit_min=5)
    assert study(time_limit_min=None).sha256 == study().sha256 != study(time_limit_min=5).sha256


# A trial of these campaigns lasts 40 s, so that a block of three takes 2 min: four blocks take 8 min.
@pytest.mark.parametrize(("limit_min", "wanted"), [(10, True), (9.9, False)])
def test_no_block_is_added_that_would_end_after_the_time_limit(
    tmp_path: Path, limit_min: float, wanted: bool
) -> None:
    directory = tmp_path / "c"
    write_campaign(directory, study(time_limit_min=limit_min), finished=12)
    assert block_is_wanted(directory, 4, lambda _: "") == wanted
    assert (directory / STOPPED).exists() != wanted
    if not wanted:
        stated = json.loads((directory / STOPPED).read_text(encoding="utf-8"))
        assert (
            stated["why"] == "the time limit is 9.9 min: 8.0 min were used, and a block takes up to 2.0 min"
        )
        assert len(read_campaign(directory).trials) == 12


def test_pilots_count_towards_the_time_limit(tmp_path: Path) -> None:
    directory = tmp_path / "c"
    write_campaign(directory, study(time_limit_min=11), finished=12)
    assert block_is_wanted(directory, 4, lambda _: "")
    pilot = PilotTrial.model_validate(plan_trials(study())[0].model_dump() | {"id": "P001"})
    write_campaign(directory, study(time_limit_min=10.5), finished=12)
    write_campaign(directory, study(time_limit_min=10.5), trials=[pilot])
    assert not block_is_wanted(directory, 4, lambda _: "")


def test_blocks_below_the_least_ignore_the_time_limit(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", study(time_limit_min=1), finished=6)
    assert block_is_wanted(tmp_path / "c", 2, refuse)


def test_a_campaign_that_is_precise_ends_for_that_reason(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", study(time_limit_min=1), finished=12)
    assert not block_is_wanted(tmp_path / "c", 4, lambda _: "it is precise")
    assert json.loads((tmp_path / "c" / STOPPED).read_text())["why"] == "it is precise"


def test_a_spoilt_end_is_named(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", study(), finished=0)
    (tmp_path / "c" / STOPPED).write_text("{}", encoding="utf-8")
    with pytest.raises(Exception, match=r"stopped\.json: key after_blocks"):
        read_campaign(tmp_path / "c")


@pytest.mark.parametrize(("between_boots", "enough"), [(0.01, True), (0.15, False)])
def test_enough_is_a_half_width(tmp_path: Path, between_boots: float, enough: bool) -> None:
    equal = dict.fromkeys(("docker", "linux-qemu", "osv-qemu"), 1.0)
    write_campaign(tmp_path / "c", study(), finished=12, arm_factor=equal, between_boots=between_boots)
    why = why_enough(tmp_path / "c")
    assert bool(why) == enough
    if enough:
        assert why == "each of 2 primary comparisons has a half-width of 5 % or is decided"


def test_a_large_difference_is_decided_before_it_is_precise(tmp_path: Path) -> None:
    factors = {"docker": 1.0, "linux-qemu": 5.0, "osv-qemu": 0.2}
    write_campaign(tmp_path / "c", study(), finished=12, arm_factor=factors, between_boots=0.15)
    assert why_enough(tmp_path / "c")


def test_windows_that_are_not_steady_are_not_waited_for(tmp_path: Path) -> None:
    load = {"bubble_sort": {"users": 4, "warm_up_s": 1, "duration_s": 4}}
    write_campaign(tmp_path / "c", study(load=load), finished=12)
    assert why_enough(tmp_path / "c").endswith("the windows of 2 are not steady, which boots do not change")
