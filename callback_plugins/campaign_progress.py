"""Progress of a campaign: which trial of how many, how it ended, and how long the rest will take."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: campaign_progress
type: aggregate
short_description: Progress of a campaign
description:
  - After each trial, prints how it ended, how many remain and how long they will take.
  - The estimate is the mean of this run's trials, so it settles after the first block.
  - While a step takes long, says every 20 seconds which one it is.
  - Ends with what came out, and the path of the report.
"""

PATIENCE_S = 20.0


class CallbackModule(CallbackBase):
    """Listens to the modules study, campaign and trial_record."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "campaign_progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._total = self._before = self._done = 0
        self._pilots = self._pilots_done = 0
        self._began_s = self._trial_began_s = 0.0
        self._campaign, self._report = "", Path()
        self._ends: Counter[str] = Counter()
        self._step, self._step_began_s, self._told_s = "", 0.0, 0.0

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Watch for steps that take long."""
        threading.Thread(target=self._watch, daemon=True).start()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A new step begins."""
        self._step_began_s = self._told_s = time.monotonic()
        self._step = task.get_name()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Nothing is left to wait for: report the result."""
        self._step = ""
        if self._ends:
            ended = ", ".join(f"{count} {state}" for state, count in self._ends.most_common())
            self._say(f"campaign {self._campaign}: {ended} in this run")
        if self._report.is_file():
            self._say(f"report: {self._report}")

    def v2_runner_on_ok(self, result: Any) -> None:
        """Report arms that cannot run, a campaign that was opened, a trial that was recorded."""
        action, content = result.task.action, result.result
        if action == "study":
            for row in content.get("not_run", []):
                self._say(f"{row['arm']} will not run: {row['why']}. Remedy: {row['remedy']}.")
        elif action == "campaign":
            self._opened(content)
        elif action == "trial_record":
            self._recorded(content)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """The first trial's clock starts when the trials are included."""
        if not self._began_s and "trial" in str(included_file._filename):
            self._began_s = self._trial_began_s = time.monotonic()

    def _watch(self) -> None:
        while True:
            time.sleep(1)
            now_s = time.monotonic()
            if self._step and now_s - self._told_s >= PATIENCE_S:
                self._told_s = now_s
                self._say(f"still at it after {now_s - self._step_began_s:.0f} s: {self._step}")

    def _opened(self, content: dict[str, Any]) -> None:
        self._total = content["total"]
        self._campaign, self._report = content["name"], Path(content["directory"]) / "report.html"
        self._before = self._total - len(content["trials"])
        how = f"resumed, {self._before} trials are done" if content["resumed"] else "new"
        self._pilots = len(content.get("pilots", []))
        pilots = f"{self._pilots} pilots and " if self._pilots else ""
        self._say(f"campaign {content['name']} ({how}), {pilots}{len(content['trials'])} trials to run")

    def _recorded(self, content: dict[str, Any]) -> None:
        now_s = time.monotonic()
        if content.get("pilot"):
            self._pilots_done += 1
            took_s = now_s - self._trial_began_s
            self._say(f"pilot {self._pilots_done} of {self._pilots}: {content['summary']} [{took_s:.0f} s]")
            # A pilot lasts longer than a trial: the estimate begins with the trials.
            self._began_s = self._trial_began_s = now_s
            return
        began_s = self._began_s or now_s
        self._done += 1
        self._ends[content["end"]["state"]] += 1
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
