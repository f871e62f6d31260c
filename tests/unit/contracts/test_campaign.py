"""Campaigns: opened, resumed after a kill, and never mixed."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from analysis.checks.evidence import evidence_of
from analysis.records.results import read_results
from analysis.status import status_lines
from contracts.availability import arms_not_run
from contracts.campaign import Campaign, NotRun, read_campaign, read_records, read_waiting
from contracts.errors import InputError
from contracts.opening import Opened, campaign_to_report, open_campaign
from contracts.outcome import record_of
from contracts.plan import PlannedTrial
from contracts.store.files import write_atomically
from contracts.store.folder import write_record
from contracts.study import Study, load_study
from filter_plugins.arms.arms import arms_waiting, hosts_unused
from tests.unit.contracts.test_outcome import FACTS
from tests.unit.contracts.test_study import write
from tests.unit.xenservers import run

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
GROUPS = {"docker_hosts": ["d"], "qemu_hosts": ["q"]}


def finish_trial(directory: Path, campaign: Campaign, trial: PlannedTrial) -> None:
    planned = trial.model_dump(include={"id", "block", "position", "cell"})
    study = FACTS["study"] | {"sha256": campaign.study_sha256}
    record = record_of(FACTS | planned | {"campaign": campaign.name, "study": study}, {})
    write_record(directory / "trials" / trial.directory / "trial.json", record)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(write(tmp_path, threads=[1]))


def opened(results: Path, study: Study, name: str = "") -> Opened:
    return open_campaign(results, study, arms_not_run(study, GROUPS, ""), name, NOW)


def test_a_new_campaign_has_the_studys_name_and_the_time(tmp_path: Path, study: Study) -> None:
    first = opened(tmp_path / "results", study)
    assert first.directory.name == "small-20260102T030405Z" and not first.resumed
    assert len(first.remaining) == 12
    assert read_campaign(first.directory) == first.campaign


def test_a_killed_campaign_resumes_and_keeps_what_was_finished(tmp_path: Path, study: Study) -> None:
    first = opened(tmp_path / "results", study)
    finish_trial(first.directory, first.campaign, first.remaining[0])
    kept = (first.directory / "trials" / first.remaining[0].directory / "trial.json").read_bytes()
    half_made = first.directory / "trials" / first.remaining[1].directory
    half_made.mkdir(parents=True)
    (half_made / "latency.hlog").write_text("half")

    again = opened(tmp_path / "results", study)

    assert again.resumed and again.directory == first.directory
    assert again.remaining == first.remaining[1:]
    assert not half_made.exists()
    assert (first.directory / "trials" / first.remaining[0].directory / "trial.json").read_bytes() == kept


def test_a_finished_campaign_is_left_alone(tmp_path: Path, study: Study) -> None:
    first = opened(tmp_path / "results", study)
    for trial in first.remaining:
        finish_trial(first.directory, first.campaign, trial)
    later = open_campaign(
        tmp_path / "results", study, [], "", datetime(2026, 1, 2, 3, 4, 6, tzinfo=timezone.utc)
    )
    assert later.directory != first.directory and not later.resumed
    named = opened(tmp_path / "results", study, name=first.campaign.name)
    assert named.remaining == [] and len(read_records(first.directory)) == 12


def test_a_report_is_of_the_newest_campaign_finished_or_not(tmp_path: Path, study: Study) -> None:
    results = tmp_path / "results"
    new = campaign_to_report(results, study, [], "", NOW)
    assert not new.resumed and new.directory.name == "small-20260102T030405Z"
    for trial in new.remaining:
        finish_trial(new.directory, new.campaign, trial)
    half_made = new.directory / "trials" / "half-made"
    half_made.mkdir()
    for name in ("", new.campaign.name):
        found = campaign_to_report(results, study, [], name, NOW)
        assert found.resumed and found.directory == new.directory and found.remaining == []
    assert half_made.exists()
    os.utime(new.directory / "campaign.json", (1, 1))
    later = opened(results, study, name="later")
    assert campaign_to_report(results, study, [], "", NOW).directory == later.directory


def test_hosts_that_run_no_arm_of_the_study_are_unused(study: Study) -> None:
    groups = {
        "docker_hosts": ["d", "second"],
        "qemu_hosts": ["q"],
        "xenserver_hosts": ["x"],
        "load_clients": ["c"],
    }
    lab = {"study": {"arms": ["docker", "linux-qemu"]}, "not_run": [{"arm": "linux-qemu"}]}
    assert hosts_unused(lab, groups) == ["q", "second", "x"]


def test_another_studys_campaign_is_refused(tmp_path: Path, study: Study) -> None:
    opened(tmp_path / "results", study, name="mine")
    other = load_study(write(tmp_path, seed=99))
    with pytest.raises(InputError, match="another study"):
        opened(tmp_path / "results", other, name="mine")


def test_an_atomic_write_leaves_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, "old")

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_arms_whose_host_is_left_out_wait_and_are_run_by_the_next_run(tmp_path: Path, study: Study) -> None:
    why = {"arm": "docker", "why": "d: it is not up", "remedy": "boot it"}
    wanted = {"study": study.model_dump(mode="json"), "results": str(tmp_path / "results")}
    first = run("campaign", **wanted, waiting=[why])
    directory = Path(first["directory"])
    assert {trial["cell"]["arm"] for trial in first["trials"]} == {"linux-qemu"}
    assert first["waiting"] == [why | {"trials": 6}]
    assert [row.model_dump() for row in read_waiting(directory)] == [why]
    assert "docker waits: d: it is not up. Remedy: boot it" in _status(directory)

    again = run("campaign", **wanted)
    assert again["resumed"] and again["directory"] == first["directory"] and not again["waiting"]
    assert "docker" in {trial["cell"]["arm"] for trial in again["trials"]}
    assert not read_waiting(directory) and "waits" not in _status(directory)


def test_arms_wait_for_the_first_host_of_their_group() -> None:
    lab = {"study": {"arms": ["docker", "linux-qemu", "osv-qemu"]}, "not_run": [{"arm": "osv-qemu"}]}
    groups = {"docker_hosts": ["d", "e"], "qemu_hosts": ["q"]}
    (row,) = arms_waiting(lab, {"q": "Upload failed.", "e": "it is not up"}, groups)
    assert (row["arm"], row["why"]) == ("linux-qemu", "q: Upload failed")
    assert set(row) == set(NotRun.model_fields)


def _status(directory: Path) -> str:
    results = read_results(directory)
    return "\n".join(status_lines(results, evidence_of(results)))
