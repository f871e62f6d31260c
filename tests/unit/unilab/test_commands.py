"""The command unilab: plan, status, report, compare, --set, messages and exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from campaigns import ended, make_study, write_campaign

from contracts.errors import InputError
from contracts.store.lock import acquire, this_owner
from contracts.study import load_study
from unilab import commands
from unilab.command_line import main
from unilab.running import PROJECT, Run, run_playbook
from unilab.standing import find_campaign, standing_of
from unilab.study_file import study_with, write_study


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unilab.running.RUNS", tmp_path / "runs")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_campaign(tmp_path / "results/demo", make_study(), finished=7)
    return tmp_path / "results"


def output_of(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int = 0) -> str:
    assert main([str(word) for word in words]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.out + captured.err


def test_plan_counts_cells_trials_and_load(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = output_of(capsys, "plan", "studies/smoke.yml", "--set", "boots=3", "--results", tmp_path)
    study = load_study(PROJECT / "studies/smoke.yml")
    assert f"trials   {3 * len(study.cells())}\n" in text
    assert "duration not known" in text


def test_plan_knows_time_and_disk_from_earlier_trials(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The synthetic trials take 40 s, 13 s of them load."""
    words = ("plan", "studies/smoke.yml", "--set", "boots={least: 2, most: 4}", "--set", "precision=0.05")
    found = json.loads(output_of(capsys, *words, "--results", results, "--json"))
    assert found["around_s"] == pytest.approx(27)
    cells, load_s = found["cells"], found["load_s"][0] / 2
    assert found["trials"] == [2 * cells, 4 * cells]
    assert found["duration_s"] == pytest.approx([2 * (load_s + 27 * cells), 4 * (load_s + 27 * cells)])
    assert found["disk_bytes"] > 1000


def test_plan_counts_pilots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steady = "load.todos={users: 4, warm_up: steady, duration_s: 10}"
    words = ("plan", "studies/smoke.yml", "--set", steady, "--set", "pilots={boots: 2, duration_s: 60}")
    found = json.loads(output_of(capsys, *words, "--results", tmp_path, "--json"))
    assert found["pilots"] == 2 * found["cells"] and found["pilots_s"] == 60 * found["pilots"]


def test_status_shows_the_newest_campaign(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "status", "--results", results)
    assert "state    stopped, 13 min left" in text  # 20 trials of 40 s
    assert "trials   7 of 27, 26 %, 7 completed" in text
    assert text.count("\nlast ") == 5


def test_status_of_a_running_and_of_a_damaged_campaign(results: Path) -> None:
    acquire(results / "demo", this_owner(os.getpid()))
    record = next(results.glob("demo/trials/*/trial.json"))
    record.write_text("{")
    found = standing_of(results / "demo")
    assert found.is_running
    assert found.ends == {"completed": 6, "damaged": 1}


def test_watch_ends_with_a_campaign_that_nobody_runs(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "stopped" in output_of(capsys, "status", "demo", "--watch", "--results", results)


def test_a_campaign_is_found_by_name_and_by_path(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_campaign(results, "demo") == results / "demo"
    monkeypatch.chdir(results)
    assert find_campaign(Path("elsewhere"), "demo") == Path("demo")
    with pytest.raises(InputError, match=r"no campaign 'other'.*name one of: demo"):
        find_campaign(results, "other")


def test_report_and_compare_are_those_of_the_analysis(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(results / "demo/report.html") in output_of(capsys, "report", "demo", "--results", results)
    assert output_of(capsys, "compare", "demo", "--results", results).startswith("service,")
    message = output_of(capsys, "compare", "demo", "--limit", "0.02", "--results", results, code=2)
    assert "--limit: it needs a second campaign" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "nothing.yml"], "nothing.yml: cannot read this study"),
        (["plan", "--set", "boots"], "--set: key boots: it has no KEY=VALUE"),
        (["plan", "--set", "bots=3"], "key bots: unknown key in study"),
        (["plan", "--set", "seed.deep=3"], "--set: key seed.deep: 'seed' has no keys of its own"),
        (["plan", "--set", "boots=[1"], "--set: not YAML"),
        (["plan", "--set", "boots=none"], "key boots"),
        (["run", "-i", "no-such-lab"], "-i: key no-such-lab: there is no such inventory"),
        (["run", "-e", "osv_loader"], "-e: key osv_loader: it has no NAME=VALUE"),
        (["run", "-e", "xenserver_password=x"], "-e: key xenserver_password: other users can read"),
        (["run", "--campaign", "../x"], "campaign: a name has 1 to 100 letters"),
        (["status", "--results", "nowhere"], "nowhere: it holds no campaign"),
    ],
)
def test_bad_input_is_one_message(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, *words, code=2)
    assert message in text and "Remedy: " in text and text.count("\n") == 1


def test_settings_change_nested_keys_and_keep_the_rest(tmp_path: Path) -> None:
    source = PROJECT / "studies/smoke.yml"
    content, study = study_with(source, ["load.todos.users=9", "boots=2"])
    path = write_study(content, source, tmp_path / "smoke.yml")
    assert load_study(path) == study
    assert (study.load["todos"].users, study.boots) == (9, 2)
    assert study.load["todos"].duration_s == load_study(source).load["todos"].duration_s


def test_images_of_a_copied_study_are_found_from_anywhere(tmp_path: Path) -> None:
    image = {"kernel": "vmlinuz", "disk": "/images/disk", "port": 80}
    content: dict[str, Any] = {"prebuilt": {"nanos": {"todos-go": image}}}
    path = write_study(content, tmp_path / "studies/study.yml", tmp_path / "runs/study.yml")
    written = yaml.safe_load(path.read_text())["prebuilt"]["nanos"]["todos-go"]
    assert written == image | {"kernel": str(tmp_path / "studies/vmlinuz"), "disk": "/images/disk"}


def test_resume_starts_a_campaign_as_it_was_started(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Run] = []

    def keep(what: Run, folder: Path, on_event: Callable[[dict[str, Any]], None], *_: object) -> int:
        given.append(what)
        opened = {
            "name": "demo",
            "directory": str(results / "demo"),
            "total": 9,
            "resumed": True,
            "trials": [],
        }
        data = {"task_action": "campaign", "res": opened | {"trials": []}}
        on_event({"event": "runner_on_ok", "event_data": data})
        return 0

    monkeypatch.setattr(commands, "run_playbook", keep)
    words = [
        "run",
        "studies/smoke.yml",
        "-i",
        "lab",
        "-e",
        "osv_loader=/loader.elf",
        "--results",
        str(results),
    ]
    assert main(words) == 0
    assert main(["resume", "demo", "--results", str(results)]) == 0
    assert main(["resume", "demo", "-i", "inventories/server", "--results", str(results)]) == 0
    first, same, other = given
    assert first.variables["study"] == str(PROJECT / "studies/smoke.yml")
    assert same.inventories == first.inventories == [str((PROJECT / "lab").resolve())]
    assert same.variables["osv_loader"] == "/loader.elf"
    assert load_study(Path(same.variables["study"])) == make_study()
    assert same.variables["campaign"] == "demo" and same.variables["results_dir"] == str(results)
    assert other.inventories == [str(PROJECT / "inventories/server")]


@pytest.mark.parametrize(("state", "code"), [("completed", 0), ("crashed", 1)])
def test_try_prints_figures_or_the_end_of_the_console(
    state: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_one_trial(what: Run, *_: object) -> int:
        study = load_study(Path(what.variables["study"]))
        edit = (
            (lambda record: record)
            if state == "completed"
            else (lambda record: ended(record, state, "panic"))
        )
        directory = Path(what.variables["results_dir"]) / what.variables["campaign"]
        write_campaign(directory, study, edit=edit)
        (trial,) = directory.glob("trials/*")
        (trial / "console.log").write_text("booting\nOut of memory\n")
        return 0

    monkeypatch.setattr(commands, "run_playbook", run_one_trial)
    text = output_of(capsys, "try", "todos-go", "--arm", "linux-qemu", code=code)
    assert "image " in text and "first right answer" in text
    assert ("Out of memory" in text) is (state == "crashed")
    assert f"todos-go on linux-qemu, tried once: {state}" in text


def test_a_playbook_runs_with_events_a_log_and_no_copy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XENSERVER_PASSWORD", "do-not-keep-this")
    folder, inventory, playbook = tmp_path / "run", tmp_path / "hosts.yml", tmp_path / "play.yml"
    folder.mkdir()
    inventory.write_text("all: {hosts: {localhost: {ansible_connection: local}}}")
    task = {"name": "Say", "ansible.builtin.debug": {"msg": "{{ word }}"}}
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    events: list[str] = []
    what = Run(str(playbook), [str(inventory)], {"word": "it's here"})
    assert run_playbook(what, folder, lambda event: events.append(event["event"])) == 0
    assert "runner_on_ok" in events
    assert "it's here" in (folder / "preparation.log").read_text()
    kept = "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())
    assert "do-not-keep-this" not in kept
    bad = Run(str(playbook), [str(inventory)], {}, ["--tags", "x", "--no-such-option"])
    assert run_playbook(bad, folder, lambda event: None) != 0
