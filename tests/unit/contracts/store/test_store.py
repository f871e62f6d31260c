"""The folder of a campaign: nothing finished is lost, nothing foreign counts, one writer at a time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xenservers import run

from analysis.records.results import read_results
from contracts.availability import arms_not_run
from contracts.campaign import Campaign
from contracts.errors import InputError
from contracts.opening import Opened, campaign_to_report, open_campaign
from contracts.outcome import record_of
from contracts.plan import PlannedTrial
from contracts.store import files, folder, lock
from contracts.study import Study, load_study
from tests.unit.contracts.test_outcome import FACTS
from tests.unit.contracts.test_study import write

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
GROUPS = {"docker_hosts": ["d"], "qemu_hosts": ["q"]}
PROJECT = Path(__file__).resolve().parents[4]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(write(tmp_path, threads=[1]))


def opened(results: Path, study: Study, name: str = "", **more: Any) -> Opened:
    now = more.pop("now", NOW)
    return open_campaign(results, study, arms_not_run(study, GROUPS, ""), name, now, **more)


def finish(found: Opened, trial: PlannedTrial) -> Path:
    """Write a record of the trial as the module trial_record does; return its path."""
    path = found.directory / "trials" / trial.directory / "trial.json"
    path.parent.mkdir(parents=True)
    (path.parent / "latency.hlog").write_text(f"histograms of {trial.id}\n")
    planned = trial.model_dump(include={"id", "block", "position", "cell"})
    facts = FACTS | planned | {"campaign": found.campaign.name}
    facts["study"] = facts["study"] | {"sha256": found.campaign.study_sha256}
    folder.write_record(path, record_of(facts, {}))
    return path


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


# Finished trials.


def test_record_is_never_overwritten(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    path = finish(found, found.remaining[0])
    before = contents(found.directory)
    with pytest.raises(InputError, match="never overwritten"):
        folder.write_record(path, folder.read_record(path.parent, True))
    assert contents(found.directory) == before


def test_checksums_are_those_of_sha256sum(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    for directory in (found.directory, finish(found, found.remaining[0]).parent):
        subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=directory, check=True)


def _change(path: Path) -> None:
    text = path.read_text()
    digit = next(index for index in range(len(text) - 1, -1, -1) if text[index].isdigit())
    path.write_text(text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :])


def _other_id(path: Path) -> None:
    record = json.loads(path.read_text()) | {"id": "0099"}
    path.write_text(json.dumps(record))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "one digit": _change,
    "another id": _other_id,
    "truncated": lambda path: path.write_text(path.read_text()[:100]),
    "empty": lambda path: path.write_text(""),
    "not text": lambda path: path.write_bytes(b"\xff\xfe"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "histograms changed": lambda path: _change(path.with_name("latency.hlog")),
    "histograms removed": lambda path: path.with_name("latency.hlog").unlink(),
    "checksums removed": lambda path: path.with_name("SHA256SUMS").unlink(),
    "checksums empty": lambda path: path.with_name("SHA256SUMS").write_text(""),
    "checksums of elsewhere": lambda path: path.with_name("SHA256SUMS").write_text(f"{'0' * 64}  ../x\n"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_record_is_refused_by_name_and_nothing_is_removed(
    damage: str, tmp_path: Path, study: Study
) -> None:
    found = opened(tmp_path / "results", study)
    paths = [finish(found, trial) for trial in found.remaining[:3]]
    DAMAGE[damage](paths[1])
    before = contents(found.directory)
    for name in ("", found.campaign.name):
        with pytest.raises(InputError, match=r"0002-.*Remedy: ") as caught:
            opened(tmp_path / "results", study, name)
        assert "\n" not in str(caught.value)
    assert contents(found.directory) == before


def test_every_changed_digit_of_a_record_is_noticed(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    path = finish(found, found.remaining[0])
    text = path.read_text()
    digits = [index for index, character in enumerate(text) if character.isdigit()]
    for index in digits:
        path.write_text(text[:index] + str((int(text[index]) + 1) % 10) + text[index + 1 :])
        with pytest.raises(InputError):
            folder.read_record(path.parent, True)
    assert len(digits) > 50


def test_copied_and_foreign_records_are_refused_by_name(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    path = finish(found, found.remaining[0])
    other = opened(tmp_path / "others", study, "other")
    foreign = finish(other, other.remaining[2])
    for source, target in ((path, found.remaining[1]), (foreign, found.remaining[2])):
        copy = found.directory / "trials" / target.directory
        shutil.copytree(source.parent, copy)
        before = contents(found.directory)
        with pytest.raises(InputError, match="it is a record of another"):
            opened(tmp_path / "results", study)
        assert contents(found.directory) == before
        shutil.rmtree(copy)
    shutil.copytree(path.parent, found.directory / "trials/a copy")
    again = opened(tmp_path / "results", study)
    assert again.remaining == found.remaining[1:] and (found.directory / "trials/a copy").exists()


def test_rest_of_a_killed_trial_is_moved_aside(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    for number in (1, 2):
        rest = found.directory / "trials" / found.remaining[1].directory
        rest.mkdir(parents=True)
        (rest / "latency.hlog").write_text(f"half {number}")
        again = opened(tmp_path / "results", study)
        assert not rest.exists() and len(again.aside) == 1
        assert (again.aside[0] / "latency.hlog").read_text() == f"half {number}"
    assert len(list((found.directory / "aside").iterdir())) == 2


def test_report_of_a_damaged_campaign_is_still_found(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    _change(finish(found, found.remaining[0]))
    reported = campaign_to_report(tmp_path / "results", study, [], "", NOW)
    assert reported.directory == found.directory and reported.remaining == found.remaining[1:]


def test_analysis_names_changed_records_and_logs(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    paths = [finish(found, trial) for trial in found.remaining[:3]]
    _change(paths[0])
    results = read_results(found.directory)
    (damage,) = [row for row in results.damage if row.path == paths[0]]
    assert "its checksum differs" in damage.problem
    assert [record.id for record in results.records] == ["0002", "0003"]


# Campaigns.


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/b", "a\nb", ".", "..", "-x", "", " ", "x" * 101, "é", "x."]
)
def test_invalid_name_is_refused(name: str, tmp_path: Path, study: Study) -> None:
    with pytest.raises(InputError, match=r"key campaign: .*Remedy: give such a name"):
        folder.check_name(name)
    if name:
        for open_ in (open_campaign, campaign_to_report):
            with pytest.raises(InputError, match="key campaign"):
                open_(tmp_path / "results", study, [], name, NOW)
    assert not (tmp_path / "results").exists() and not (tmp_path / "x").exists()


def test_damaged_or_newer_neighbour_blocks_no_campaign(tmp_path: Path, study: Study) -> None:
    results = tmp_path / "results"
    found = opened(results, study)
    for name, text in {
        "newer": json.dumps(
            json.loads((found.directory / "campaign.json").read_text()) | {"schema_version": 9}
        ),
        "damaged": "{",
        "deep": "[" * 100_000,
        "infinite": '{"study": {"caps": [{"memory_mib": .inf}]}}',
        "nan": (found.directory / "campaign.json").read_text().replace('"seed": 7', '"seed": NaN'),
    }.items():
        (results / name).mkdir()
        (results / name / "campaign.json").write_text(text)
        with pytest.raises(InputError):
            opened(results, study, name)
    (results / "folder/campaign.json").mkdir(parents=True)
    assert opened(results, study).directory == found.directory
    assert campaign_to_report(results, study, [], "", NOW).directory == found.directory


def test_changed_campaign_file_is_refused(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    path = found.directory / "campaign.json"
    path.write_text(path.read_text().replace('"position": 1', '"position": 3', 1))
    with pytest.raises(InputError, match="its checksum differs"):
        opened(tmp_path / "results", study, found.campaign.name)


def test_older_campaign_without_checksums_is_continued(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    path = finish(found, found.remaining[0])
    content = json.loads((found.directory / "campaign.json").read_text())
    del content["checksums"]
    (found.directory / "campaign.json").write_text(json.dumps(content))
    for sums in found.directory.rglob("SHA256SUMS"):
        sums.unlink()
    again = opened(tmp_path / "results", study)
    assert again.resumed and again.remaining == found.remaining[1:] and path.exists()


def test_campaign_of_the_same_second_is_refused(tmp_path: Path, study: Study) -> None:
    results = tmp_path / "results"
    first = opened(results, study)
    for trial in first.remaining:
        finish(first, trial)
    before = contents(results)
    with pytest.raises(InputError, match="the folder exists"):
        opened(results, study)
    assert contents(results) == before


def test_clock_that_was_set_back_is_refused(tmp_path: Path, study: Study) -> None:
    results = tmp_path / "results"
    first = opened(results, study)
    for trial in first.remaining:
        finish(first, trial)
    with pytest.raises(InputError, match=r"created_at: .*and the clock is at .*Remedy: set the clock"):
        opened(results, study, now=NOW - timedelta(seconds=1))
    assert opened(results, study, "named", now=NOW - timedelta(seconds=1)).remaining


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_storage_error_is_one_message_and_the_campaign_continues(
    number: int, tmp_path: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = opened(tmp_path / "results", study)
    finish(found, found.remaining[0])
    before = contents(found.directory)

    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            InputError, match=r"cannot write: .*Remedy: free space or make the folder writable"
        ):
            finish(found, found.remaining[1])
        with pytest.raises(InputError, match="cannot write"):
            opened(tmp_path / "other", study)
    after = contents(found.directory)
    assert {name: after[name] for name in before} == before
    assert not [name for name in after if Path(name).name.startswith(".")]
    again = opened(tmp_path / "results", study)
    assert again.remaining == found.remaining[1:]


# One writer.


def test_second_run_is_refused_while_the_first_lives(tmp_path: Path, study: Study) -> None:
    results, me = tmp_path / "results", lock.this_owner(os.getpid())
    found = opened(results, study, owner=me)
    assert opened(results, study, owner=me).resumed, "the same run may open it again"
    other = subprocess.Popen(["sleep", "60"])
    try:
        message = (
            rf"lock: key owner: another run is at work on this campaign: process {os.getpid()} on .*Remedy: "
        )
        with pytest.raises(InputError, match=message):
            opened(results, study, owner=lock.this_owner(other.pid))
        with pytest.raises(InputError, match="another run is at work"):
            lock.require(found.directory, lock.this_owner(other.pid))
    finally:
        other.kill()
        other.wait()
    lock.require(found.directory, me)


def test_lock_of_a_process_that_ended_is_replaced(tmp_path: Path, study: Study) -> None:
    results = tmp_path / "results"
    other = subprocess.Popen(["sleep", "60"])
    found = opened(results, study, owner=lock.this_owner(other.pid))
    other.kill()
    other.wait()
    me = lock.this_owner(os.getpid())
    assert opened(results, study, owner=me).resumed
    lock.require(found.directory, me)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"start_ticks": 1}, False),  # the pid was given to another process
        ({"boot_id": "another"}, False),  # the machine has booted since
        ({"host": "elsewhere"}, True),  # a machine whose processes are not seen here
        ({"host": "elsewhere", "boot_id": "another"}, True),
        ({"pid_namespace": "pid:[1]", "start_ticks": 1}, True),  # a container
    ],
)
def test_stale_lock_is_recognised(
    changes: dict[str, Any], refused: bool, tmp_path: Path, study: Study
) -> None:
    me = lock.this_owner(os.getpid())
    found = opened(tmp_path / "results", study, owner=me.model_copy(update=changes))
    if not refused:
        assert opened(tmp_path / "results", study, owner=me).resumed
        return
    with pytest.raises(InputError, match=r"if that run has ended there, remove .*lock"):
        opened(tmp_path / "results", study, owner=me)
    (found.directory / "lock").unlink()
    assert opened(tmp_path / "results", study, owner=me).resumed


def test_damaged_lock_is_refused_by_name(tmp_path: Path, study: Study) -> None:
    found = opened(tmp_path / "results", study)
    (found.directory / "lock").write_text("{")
    with pytest.raises(InputError, match=r"lock: not a lock .*remove this file"):
        opened(tmp_path / "results", study, owner=lock.this_owner(os.getpid()))


RACE = """
import os, sys, time
from datetime import datetime, timezone
from pathlib import Path
sys.path.insert(0, {project!r})
from contracts.errors import InputError
from contracts.opening import open_campaign
from contracts.store import lock
from contracts.study import load_study
study, results = load_study(Path({study!r})), Path({results!r})
owner = lock.this_owner(os.getpid())
while not Path({go!r}).exists():
    pass
try:
    opened = open_campaign(results, study, [], {name!r}, datetime.now(timezone.utc), owner=owner)
    print("opened", opened.directory)
except InputError as error:
    print("refused", error)
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["", "same"])
@pytest.mark.parametrize("stale", [False, True])
def test_of_two_runs_that_start_at_once_one_gets_the_campaign(
    stale: bool, name: str, tmp_path: Path, study: Study
) -> None:
    results, go = tmp_path / "results", tmp_path / "go"
    if stale:
        gone = lock.this_owner(os.getpid()).model_copy(update={"start_ticks": 1})
        open_campaign(results, study, [], name, NOW, owner=gone)
    program = RACE.format(
        project=str(PROJECT),
        study=str(write(tmp_path, threads=[1])),
        results=str(results),
        go=str(go),
        name=name,
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) for _ in range(4)
    ]
    time.sleep(1)
    go.touch()
    lines = [process.stdout.readline() for process in runs if process.stdout]
    for process in runs:
        process.communicate()
    directories = [line.split(maxsplit=1)[1] for line in lines if line.startswith("opened")]
    assert len(directories) == len(set(directories)) >= 1, lines
    assert all(line.startswith(("opened", "refused")) for line in lines), lines
    if name or stale:
        assert len(directories) == 1, lines


# The modules.


def test_modules_lock_and_record(tmp_path: Path, study: Study) -> None:
    wanted = {"study": study.model_dump(mode="json"), "results": str(tmp_path / "results")}
    first = run("campaign", **wanted, owner_pid=os.getpid())
    assert json.loads((Path(first["directory"]) / "lock").read_text())["owner"]["pid"] == os.getpid()
    trial = first["trials"][0]
    path = Path(first["directory"]) / "trials" / trial["directory"] / "trial.json"
    pilot = Path(first["directory"]) / "trials/../pilots/P001" / "trial.json"
    facts = json.loads(json.dumps(FACTS, default=str)) | {
        key: trial[key] for key in ("id", "block", "position", "cell")
    }
    facts |= {"campaign": first["name"], "study": first["study_reference"]}
    facts.pop("ended_at", None)
    assert not run("trial_record", path=str(pilot), facts=facts, steps={}, owner_pid=os.getpid())["failed"]
    written = run("trial_record", path=str(path), facts=facts, steps={}, owner_pid=os.getpid())
    assert not written["failed"], written["msg"]
    repeated = run("trial_record", path=str(path), facts=facts, steps={}, owner_pid=os.getpid())
    assert repeated["failed"] and "never overwritten" in repeated["msg"]
    other = subprocess.Popen(["sleep", "60"])
    try:
        refused = run("campaign", **wanted, owner_pid=other.pid)
        assert refused["failed"] and "another run is at work" in refused["msg"]
        late = run("trial_record", path=str(path), facts=facts, steps={}, owner_pid=other.pid)
        assert late["failed"] and "another run is at work" in late["msg"]
    finally:
        other.kill()
        other.wait()
    again = run("campaign", **wanted, owner_pid=os.getpid())
    assert len(again["trials"]) == len(first["trials"]) - 1 and again["aside"] == []


def test_planning_and_resuming_many_trials_reads_each_record_once(
    tmp_path: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = opened(tmp_path / "results", study)
    for trial in found.remaining[:5]:
        finish(found, trial)
    read: list[Path] = []
    real = files._file_sha256

    def counted(path: Path) -> str:
        read.append(path)
        return real(path)

    monkeypatch.setattr(files, "_file_sha256", counted)
    opened(tmp_path / "results", study)
    assert len([path for path in read if path.name == "trial.json"]) == 5


def test_campaign_model_has_checksums_only_since_they_exist() -> None:
    assert Campaign.model_fields["checksums"].default is False


@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(str.encode), JSON.map(json.dumps).map(str.encode)
    )
)
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(
    "name", ["campaign.json", "SHA256SUMS", "lock", "stopped.json", "trial.json", "trial sums"]
)
def test_any_content_of_a_file_is_one_message(name: str, content: bytes, whole: Opened) -> None:
    folder_ = whole.directory / "trials" / whole.remaining[0].directory
    path = {"trial.json": folder_ / "trial.json", "trial sums": folder_ / "SHA256SUMS"}.get(
        name, whole.directory / name
    )
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(content)
    try:
        opened(
            whole.directory.parent,
            whole.campaign.study,
            whole.campaign.name,
            owner=lock.this_owner(os.getpid()),
        )
    except InputError as error:
        assert "Remedy: " in str(error) and len(str(error)) < 1500
    finally:
        path.unlink()
        if before is not None:
            path.write_bytes(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A campaign with one record."""
    base = tmp_path_factory.mktemp("whole")
    found = opened(base / "results", load_study(write(base, threads=[1])), owner=lock.this_owner(os.getpid()))
    finish(found, found.remaining[0])
    return found
