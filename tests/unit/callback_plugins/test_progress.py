"""Progress of a campaign, as it is reported after each trial."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callback_plugins import campaign_progress


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    callback, lines = campaign_progress.CallbackModule(), []
    monkeypatch.setattr(callback, "_say", lines.append)
    return callback, lines


def result(action: str, **content: object) -> SimpleNamespace:
    return SimpleNamespace(task=SimpleNamespace(action=action), result=content)


def test_a_resumed_campaign_counts_what_is_done_and_estimates_the_rest(
    reported: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    callback, lines = reported
    clock = iter([100.0, 120.0, 150.0])
    monkeypatch.setattr(campaign_progress.time, "monotonic", lambda: next(clock))
    not_run = [{"arm": "osv-qemu", "why": "no loader", "remedy": "name one"}]
    (tmp_path / "report.html").touch()
    callback.v2_runner_on_ok(result("study", not_run=not_run))
    callback.v2_runner_on_ok(
        result("campaign", name="c", directory=str(tmp_path), resumed=True, total=5, trials=[1, 2, 3])
    )
    callback.v2_playbook_on_include(SimpleNamespace(_filename="trial"))
    callback.v2_runner_on_ok(
        result("trial_record", summary="todos-go docker boot 1, completed", end={"state": "completed"})
    )
    callback.v2_runner_on_ok(
        result("trial_record", summary="todos-go docker boot 2, hung", end={"state": "hung"})
    )
    callback.v2_playbook_on_stats(None)
    assert lines == [
        "osv-qemu will not run: no loader. Remedy: name one.",
        "campaign c (resumed, 2 trials are done), 3 trials to run",
        "trial 3 of 5: todos-go docker boot 1, completed [20 s; 0:40 min left]",
        "trial 4 of 5: todos-go docker boot 2, hung [30 s; 0:25 min left]",
        "campaign c: 1 completed, 1 hung in this run",
        f"report: {tmp_path}/report.html",
    ]


def test_pilots_are_counted_apart_and_leave_the_estimate_alone(
    reported: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    callback, lines = reported
    clock = iter([0.0, 130.0, 150.0])
    monkeypatch.setattr(campaign_progress.time, "monotonic", lambda: next(clock))
    opened = {"name": "c", "directory": str(tmp_path), "resumed": False, "total": 2, "trials": [1, 2]}
    callback.v2_runner_on_ok(result("campaign", pilots=[1], **opened))
    callback.v2_playbook_on_include(SimpleNamespace(_filename="trial"))
    ended = {"end": {"state": "completed"}, "summary": "todos-go docker boot 1, completed"}
    callback.v2_runner_on_ok(result("trial_record", pilot=True, **ended))
    callback.v2_runner_on_ok(result("trial_record", pilot=False, **ended))
    assert lines == [
        "campaign c (new), 1 pilots and 2 trials to run",
        "pilot 1 of 1: todos-go docker boot 1, completed [130 s]",
        "trial 1 of 2: todos-go docker boot 1, completed [20 s; 0:20 min left]",
    ]


def test_a_step_that_takes_long_is_named(
    reported: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    callback, lines = reported
    monkeypatch.setattr(campaign_progress, "PATIENCE_S", 1.5)
    callback.v2_playbook_on_start(None)
    callback.v2_playbook_on_task_start(SimpleNamespace(get_name=lambda: "role : Install Debian"), False)
    time.sleep(3.5)
    callback.v2_playbook_on_stats(None)
    assert lines and all("s: role : Install Debian" in line for line in lines)


def test_other_modules_are_passed_over(reported: tuple[Any, list[str]]) -> None:
    callback, lines = reported
    callback.v2_runner_on_ok(result("ansible.builtin.ping"))
    assert lines == []
