"""Which campaign an unnamed run resumes: the newest unfinished one of the same study and the same arms."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from campaigns import NO_LOADER, make_study, write_campaign

from contracts.opening import open_campaign
from contracts.study import Study

NOW = datetime(2027, 1, 1, tzinfo=UTC)
STUDY = make_study(services=["todos-go"], arms=["docker", "linux-qemu", "osv-qemu"], boots=2)
OTHER = make_study(services=["todos-go"], arms=["docker", "linux-qemu", "osv-qemu"], boots=2, seed=9)


def campaign(results: Path, name: str, day: int, *, finished: int | None, study: Study = STUDY) -> None:
    """Write a campaign of ``day`` with ``finished`` records, all with None."""
    write_campaign(results / name, study, finished=finished)
    then = (NOW - timedelta(days=100 - day)).timestamp()
    os.utime(results / name / "campaign.json", (then, then))


def opened(results: Path, study: Study = STUDY) -> str:
    return open_campaign(results, study, [], "", NOW).directory.name


@pytest.mark.parametrize("names", [("a", "b", "c"), ("c", "b", "a")])
def test_newest_unfinished_campaign_is_resumed(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for day, name in enumerate(names):
        campaign(tmp_path, name, day, finished=3)
    assert opened(tmp_path) == names[-1]


def test_finished_campaign_is_not_resumed_even_where_it_is_newer(tmp_path: Path) -> None:
    campaign(tmp_path, "unfinished", 1, finished=5)
    campaign(tmp_path, "finished", 2, finished=None)
    assert opened(tmp_path) == "unfinished"


def test_campaign_of_another_study_is_not_resumed(tmp_path: Path) -> None:
    campaign(tmp_path, "mine", 1, finished=1)
    campaign(tmp_path, "other", 2, finished=1, study=OTHER)
    assert (opened(tmp_path), opened(tmp_path, OTHER)) == ("mine", "other")


def test_campaign_with_other_arms_is_not_resumed(tmp_path: Path) -> None:
    campaign(tmp_path, "all", 1, finished=1)
    write_campaign(tmp_path / "without_osv", STUDY, finished=1, not_run=(NO_LOADER,))
    assert opened(tmp_path) == "all"
    assert open_campaign(tmp_path, STUDY, [NO_LOADER], "", NOW).directory.name == "without_osv"


def test_only_trials_without_a_record_remain(tmp_path: Path) -> None:
    campaign(tmp_path, "c", 1, finished=4)
    found = open_campaign(tmp_path, STUDY, [], "", NOW)
    assert found.resumed and [trial.id for trial in found.remaining] == ["0005", "0006"]
