"""Where a run stands, from the events of ansible-runner."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unilab.phases import Phase
from unilab.running import PREPARATION_LOG

RECENT = 5
# Ansible's own phrase for a task that failed although its failure is expected.
_IGNORED = "ignore_errors"


@dataclass
class Progress:
    """A run so far. Fed by ``on_event``; ``news`` are lines that nobody has seen yet.

    Attributes:
        phases: of a whole run.
        clock: seconds that rise; given by tests.
    """

    phases: Sequence[Phase]
    clock: Callable[[], float] = time.monotonic
    phase: int = 0
    step: str = ""
    step_began_s: float = 0.0
    campaign: str = ""
    directory: Path | None = None
    total: int = 0
    before: int = 0
    pilots: int = 0
    pilots_done: int = 0
    trials: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    recent: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    news: list[str] = field(default_factory=list)
    _began_s: float | None = None

    @property
    def done(self) -> int:
        """Trials that this run recorded."""
        return self.ends.total()

    @property
    def left_s(self) -> float | None:
        """Seconds that the remaining trials take, by the mean of this run's; None before the first."""
        if not self.done or self._began_s is None:
            return None
        return (self.clock() - self._began_s) / self.done * (self.total - self.before - self.done)

    @property
    def current_log(self) -> str:
        """Name of the log of what runs now: of the preparation, of a pilot or trial, or of what follows."""
        if self.directory is None:
            return PREPARATION_LOG
        number = self.pilots_done + self.done
        return f"{self.trials[number]}.log" if number < len(self.trials) else "report.log"

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Take one event of ansible-runner."""
        data = event.get("event_data", {})
        match event.get("event"):
            case "playbook_on_play_start":
                self._play(data.get("play", data.get("name", "")))
            case "playbook_on_task_start":
                self.step, self.step_began_s = data.get("task", data.get("name", "")), self.clock()
            case "runner_on_ok":
                self._result(data.get("task_action", ""), data.get("res", {}))
            case "runner_on_failed" if not data.get(_IGNORED):
                self._problem(data, "failed")
            case "runner_on_unreachable":
                self._problem(data, "is unreachable")

    def _play(self, name: str) -> None:
        number = next((i for i, phase in enumerate(self.phases, 1) if name in phase.plays), self.phase)
        if number != self.phase:
            self.phase = number
            self.news.append(f"{number} of {len(self.phases)}: {self.phases[number - 1].name}")

    def _result(self, action: str, result: Mapping[str, Any]) -> None:
        if action == "study":
            rows = [
                row
                for row in result.get("not_run", [])
                if f"{row['arm']} will not run" not in str(self.problems)
            ]
            for row in rows:
                self._warn(f"{row['arm']} will not run: {row['why']}. Remedy: {row['remedy']}.")
        elif action == "campaign" and "trials" in result:
            self._opened(result)
        elif action == "trial_record":
            self._recorded(result)

    def _opened(self, result: Mapping[str, Any]) -> None:
        pilots = result.get("pilots", [])
        self.campaign, self.directory = result["name"], Path(result["directory"])
        self.total, self.pilots = result["total"], len(pilots)
        self.before = self.total - len(result["trials"])
        self.trials = [Path(row["directory"]).name for row in (*pilots, *result["trials"])]
        how = f"resumed, {self.before} trials are done" if result["resumed"] else "new"
        self.news.append(f"campaign {self.campaign} ({how}): {len(result['trials'])} trials to run")
        self._began_s = None if pilots else self.clock()

    def _recorded(self, result: Mapping[str, Any]) -> None:
        summary = result["summary"]
        if result.get("pilot"):
            self.pilots_done += 1
            self._began_s = self.clock()
            text = f"pilot {self.pilots_done} of {self.pilots}: {summary}"
        else:
            self.ends[result["end"]["state"]] += 1
            text = f"trial {self.before + self.done} of {self.total}: {summary}"
        self.recent = [*self.recent, text][-RECENT:]
        self.news.append(text)

    def _problem(self, data: Mapping[str, Any], what: str) -> None:
        result = data.get("res", {})
        message = str(result.get("msg", "")) if isinstance(result, Mapping) else ""
        text = " ".join(f"{data.get('host', '')} {what}: {data.get('task', '')}: {message}".split())
        # A loop reports each item and then itself.
        if "item" not in data and text not in self.problems:
            self._warn(text)

    def _warn(self, text: str) -> None:
        self.problems.append(text)
        self.news.append(text)
