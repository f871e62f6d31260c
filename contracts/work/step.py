"""From what a trial's steps collected to the part ``work`` of its record, or to why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import InputError
from contracts.trial import LoadResult
from contracts.work.counted import SERIES, Work
from contracts.work.series import read_series
from contracts.work.window import Clock, Counted, LoadWindow, work_of

# As module_utils/unilab/counting/perf.py names it.
PERF_MODE = "perf stat"

Step = Mapping[str, Any]


def work_step(step: Step, start: Step, load: LoadResult | None, folder: Path) -> tuple[Work | None, str]:
    """The trial's work, or None and why.

    Args:
        step: ``series`` (result of work_series), ``client_clock`` and ``host_clock`` (of clock_offset),
            ``includes``, ``counted_on``, ``scope``; ``why`` where nothing was to be counted.
        start: result of the step that started the instance.
        folder: the trial's, with the table of samples.
    """
    series = step.get("series") or {}
    if "interval_ms" not in series:
        return None, str(series.get("msg") or step.get("why") or "no samples were collected")
    if load is None:
        return None, "there was no load"
    counted = Counted(
        includes=step["includes"],
        counted_on=step["counted_on"],
        source="perf" if series["mode"] == PERF_MODE else "tcg_plugin",
        mode=series["mode"],
        api_version=series["api_version"],
        ranges=tuple(series["ranges"]),
        scope=step.get("scope", "guest"),
        interval_ms=series["interval_ms"],
        first_answer=tuple(tuple(row) for row in start.get("first_answer_counts", ())),
        first_answer_ns=start.get("first_answer_ns", 0),
        client=_clock(step["client_clock"]),
        host=_clock(step["host_clock"]),
    )
    window = LoadWindow(load.started_at, load.warm_up_s, load.window_s, load.requests)
    try:
        return work_of(read_series(folder / SERIES), counted, window), ""
    except (InputError, ValueError) as error:
        return None, f"the samples do not cover the window: {error}"


def _clock(result: Step) -> Clock:
    return Clock(result["offset_ns"], result["error_ns"])
