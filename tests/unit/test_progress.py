"""Progress of a campaign, as it is told after each trial."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from callback_plugins import campaign_progress


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    callback, lines = campaign_progress.CallbackModule(), []
    monkeypatch.setattr(callback, "_say", lines.append)
    return callback, lines


def result(action: str, **content: object) -> SimpleNamespace:
    return SimpleNamespace(task=SimpleNamespace(action=action), result=content)


def test_a_resumed_campaign_counts_what_is_done_and_estimates_the_rest(
    told: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    callback, lines = told
    clock = iter([100.0, 120.0, 150.0])
    monkeypatch.setattr(campaign_progress.time, "monotonic", lambda: next(clock))
    callback.v2_runner_on_ok(result("campaign", name="c", resumed=True, total=5, trials=[1, 2, 3]))
    callback.v2_playbook_on_include(SimpleNamespace(_filename="trial"))
    callback.v2_runner_on_ok(result("trial_record", summary="todos-go docker boot 1, completed"))
    callback.v2_runner_on_ok(result("trial_record", summary="todos-go docker boot 2, hung"))
    assert lines == [
        "campaign c (resumed, 2 trials are done), 3 trials to run",
        "trial 3 of 5: todos-go docker boot 1, completed [20 s; 0:40 min left]",
        "trial 4 of 5: todos-go docker boot 2, hung [30 s; 0:25 min left]",
    ]


def test_other_modules_are_passed_over(told: tuple[Any, list[str]]) -> None:
    callback, lines = told
    callback.v2_runner_on_ok(result("ansible.builtin.ping"))
    assert lines == []
