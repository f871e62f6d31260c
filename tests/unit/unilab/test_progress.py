"""Progress of a run from events of ansible-runner, and what a terminal and a pipe show of it."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from unilab.live import View, finishing_time, picture
from unilab.phases import Phase, read_phases
from unilab.progress import Progress
from unilab.running import PROJECT

PHASES = [Phase("Check the study", ("Read it",)), Phase("Run the trials", ("Open", "Run"))]


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(PHASES, clock)


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": data}


def result(action: str, res: dict[str, Any]) -> dict[str, Any]:
    return event("runner_on_ok", task_action=action, res=res)


def opened(trials: int = 4, remaining: int = 4, pilots: int = 0) -> dict[str, Any]:
    rows = [{"directory": f"{number:04d}-todos-go-docker"} for number in range(trials - remaining, trials)]
    more = [{"directory": f"../pilots/P{number:03d}-todos-go-docker"} for number in range(pilots)]
    content = {"name": "demo", "directory": "/results/demo", "total": trials, "resumed": remaining < trials}
    return result("campaign", content | {"trials": rows, "pilots": more})


def recorded(state: str = "completed", pilot: bool = False) -> dict[str, Any]:
    summary = f"todos-go docker boot 1, {state}"
    return result("trial_record", {"summary": summary, "end": {"state": state, "why": ""}, "pilot": pilot})


def test_phases_are_the_playbooks_of_site() -> None:
    phases = read_phases(PROJECT / "site.yml")
    assert phases[0].name == "Check the study"
    assert "Run the trials" in phases[-2].plays and phases[-1].plays == ("Report what was measured",)


def test_a_play_starts_its_phase_once(progress: Progress) -> None:
    for play in ("Read it", "Open", "Run"):
        progress.on_event(event("playbook_on_play_start", play=play))
    assert progress.news == ["1 of 2: Check the study", "2 of 2: Run the trials"]


def test_trials_are_counted_from_those_that_earlier_runs_recorded(progress: Progress, clock: Clock) -> None:
    progress.on_event(opened(trials=4, remaining=3))
    clock.now_s = 30
    progress.on_event(recorded())
    assert progress.news == [
        "campaign demo (resumed, 1 trials are done): 3 trials to run",
        "trial 2 of 4: todos-go docker boot 1, completed",
    ]
    assert progress.left_s == 60
    assert finishing_time(progress, lambda: datetime(2026, 1, 5, 23, 59, 30)) == "Tue 06 Jan 00:00, in 1 min"


def test_a_pilot_is_no_trial_and_the_estimate_begins_after_it(progress: Progress, clock: Clock) -> None:
    progress.on_event(opened(pilots=1))
    clock.now_s = 120
    progress.on_event(recorded(pilot=True))
    assert progress.left_s is None and progress.ends.total() == 0
    clock.now_s = 130
    progress.on_event(recorded())
    assert progress.left_s == 30
    assert progress.news[1:] == [
        "pilot 1 of 1: todos-go docker boot 1, completed",
        "trial 1 of 4: todos-go docker boot 1, completed",
    ]


def test_each_trial_has_a_log_of_its_own(progress: Progress) -> None:
    names = [progress.current_log]
    progress.on_event(opened(trials=2, remaining=2, pilots=1))
    for pilot in (True, False, False):
        names.append(progress.current_log)
        progress.on_event(recorded(pilot=pilot))
    names.append(progress.current_log)
    assert names == [
        "preparation.log",
        "P000-todos-go-docker.log",
        "0000-todos-go-docker.log",
        "0001-todos-go-docker.log",
        "report.log",
    ]


def test_failures_and_unreachable_hosts_are_reported_and_ignored_ones_are_not(progress: Progress) -> None:
    failed = {"host": "docker-host", "task": "Install Docker", "res": {"msg": "no network"}}
    progress.on_event(event("runner_on_failed", **failed))
    progress.on_event(event("runner_on_failed", **failed))
    progress.on_event(event("runner_on_failed", **failed | {"ignore_errors": True, "task": "Try"}))
    progress.on_event(event("runner_on_unreachable", host="client", task="Wait", res={"msg": "timed out"}))
    assert progress.problems == [
        "docker-host failed: Install Docker: no network",
        "client is unreachable: Wait: timed out",
    ]


def test_an_arm_that_will_not_run_is_reported_once(progress: Progress) -> None:
    row = {"arm": "osv-qemu", "why": "no OSv loader was given", "remedy": "give one"}
    progress.on_event(result("study", {"not_run": [row]}))
    progress.on_event(result("study", {"not_run": [row]}))
    assert progress.problems == ["osv-qemu will not run: no OSv loader was given. Remedy: give one."]


def test_a_pipe_gets_one_line_per_event(progress: Progress) -> None:
    output = io.StringIO()
    with View(progress, Path("/logs"), Console(file=output, width=40)) as view:
        progress.on_event(opened(trials=1, remaining=1))
        view.show()
        progress.on_event(event("playbook_on_task_start", task="Boot the guest with a long name of its task"))
        view.show()
        progress.on_event(recorded("invalid"))
        view.show()
    lines = [line.partition(" ")[2] for line in output.getvalue().splitlines()]
    assert lines[:2] == ["logs: /logs", "campaign demo (new): 1 trials to run"]
    assert lines[2].startswith("trial 1 of 1: todos-go docker boot 1, invalid [ends at ")
    assert len(lines) == 3


def test_the_picture_shows_phase_step_tally_finishing_time_and_problems(
    progress: Progress, clock: Clock
) -> None:
    progress.on_event(event("playbook_on_play_start", play="Run"))
    progress.on_event(opened(trials=4, remaining=4))
    progress.on_event(recorded())
    progress.on_event(recorded("invalid"))
    progress.on_event(event("playbook_on_task_start", task="Boot the guest"))
    progress.on_event(event("runner_on_unreachable", host="client", task="Wait", res={}))
    clock.now_s = 7
    output = io.StringIO()
    Console(file=output, width=100).print(picture(progress, Path("/logs")))
    text = output.getvalue()
    for wanted in (
        "2 of 2: Run the trials",
        "Boot the guest (7 s)",
        "2 of 4, 50 %, 1 completed, 1 invalid",
        "client is unreachable",
        ", in 0 min",
        "/logs",
    ):
        assert wanted in text
