"""What a user sees of a run: a picture that is redrawn on a terminal, one line per event elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from unilab.progress import Progress

_REDRAWN_PER_S = 4


class View:
    """Shows ``progress``. Use ``with view:`` around the run, and ``show`` after each event."""

    def __init__(self, progress: Progress, logs: Path, console: Console | None = None) -> None:
        self._progress, self._logs = progress, logs
        self._console = console or Console(highlight=False)
        self._live: Live | None = None

    def __enter__(self) -> View:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=lambda: picture(self._progress, self._logs),
                refresh_per_second=_REDRAWN_PER_S,
            )
            self._live.start()
        else:
            self._console.print(f"{_clock()} logs: {self._logs}", soft_wrap=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.show()
        if self._live:
            self._live.stop()

    def show(self) -> None:
        """Print what is new, where nothing is redrawn."""
        news, self._progress.news = self._progress.news, []
        if self._live is None:
            for line in news:
                self._console.print(
                    f"{_clock()} {line}{_rest(self._progress, line)}", soft_wrap=True, markup=False
                )


def picture(progress: Progress, logs: Path) -> Group:
    """The run as a small table: phase, step, trials, tally, finishing time, last trials, problems."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    number = progress.phase
    name = progress.phases[number - 1].name if number else "starting"
    table.add_row("phase", f"{number} of {len(progress.phases)}: {name}")
    if progress.step:
        table.add_row("step", f"{progress.step} ({progress.clock() - progress.step_began_s:.0f} s)")
    if progress.campaign:
        table.add_row("campaign", progress.campaign)
        if progress.pilots:
            table.add_row("pilots", f"{progress.pilots_done} of {progress.pilots}")
        finished = progress.before + progress.done
        share = 100 * finished / progress.total if progress.total else 100.0
        table.add_row("trials", f"{finished} of {progress.total}, {share:.0f} %{_tally(progress)}")
        table.add_row("", ProgressBar(total=max(progress.total, 1), completed=finished, width=40))
        table.add_row("ends at", finishing_time(progress) or "known after the first trial")
    for position, row in enumerate(progress.recent):
        table.add_row("" if position else "last", Text(row))
    for position, row in enumerate(progress.problems[-3:]):
        table.add_row("" if position else "problems", Text(row, style="red"))
    table.add_row("logs", Text(str(logs)))
    return Group(table)


def finishing_time(progress: Progress, now: Callable[[], datetime] = datetime.now) -> str:
    """When the last trial ends, on the clock; "" before a trial was recorded."""
    left_s = progress.left_s
    if left_s is None:
        return ""
    ends_at, today = now() + timedelta(seconds=left_s), now()
    day = "" if ends_at.date() == today.date() else f"{ends_at:%a %d %b }"
    return f"{day}{ends_at:%H:%M}, in {duration_text(left_s)}"


def _rest(progress: Progress, line: str) -> str:
    ends_at = finishing_time(progress)
    return f" [ends at {ends_at}]" if line.startswith("trial ") and ends_at else ""


def _tally(progress: Progress) -> str:
    return "".join(f", {count} {state}" for state, count in progress.ends.most_common())


def duration_text(seconds: float) -> str:
    """Hours and minutes."""
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d} min" if hours else f"{minutes} min"


def _clock() -> str:
    return time.strftime("%H:%M:%S")
