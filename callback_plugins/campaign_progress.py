"""Progress of a campaign: which trial of how many, how it ended, and how long the rest will take."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: campaign_progress
type: aggregate
short_description: Progress of a campaign
description:
  - After each trial, prints how it ended, how many remain and how long they will take.
  - The estimate is the mean of this run's trials, so it settles after the first block.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Listens to the modules campaign and trial_record."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "campaign_progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._total = self._before = self._done = 0
        self._began_s = self._trial_began_s = 0.0

    def v2_runner_on_ok(self, result: Any) -> None:
        """Tell of a campaign that was opened and of a trial that was recorded."""
        action, content = result.task.action, result.result
        if action == "campaign":
            self._opened(content)
        elif action == "trial_record":
            self._recorded(content)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """The first trial's clock starts when the trials are included."""
        if not self._began_s and "trial" in str(included_file._filename):
            self._began_s = self._trial_began_s = time.monotonic()

    def _opened(self, content: dict[str, Any]) -> None:
        self._total = content["total"]
        self._before = self._total - len(content["trials"])
        how = f"resumed, {self._before} trials are done" if content["resumed"] else "new"
        self._say(f"campaign {content['name']} ({how}), {len(content['trials'])} trials to run")

    def _recorded(self, content: dict[str, Any]) -> None:
        now_s = time.monotonic()
        began_s = self._began_s or now_s
        self._done += 1
        left = self._total - self._before - self._done
        left_s = (now_s - began_s) / self._done * left
        self._say(
            f"trial {self._before + self._done} of {self._total}: {content['summary']}"
            f" [{now_s - self._trial_began_s:.0f} s; {_clock(left_s)} left]"
        )
        self._trial_began_s = now_s

    def _say(self, text: str) -> None:
        self._display.display(f"{time.strftime('%H:%M:%S')} {text}", color="cyan")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"
