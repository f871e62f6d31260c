"""Pilots of a campaign to the warm-up of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from analysis.estimates.warm_up import warm_up
from analysis.records.latency import read_latency, window_rates
from analysis.records.work import answers_per_million
from contracts.campaign import read_campaign
from contracts.errors import InputError
from contracts.trial import TrialRecord
from contracts.warm_up import CellWarmUp, PilotTrial, has_record, plan_pilots


def warm_ups_of(directory: Path) -> list[CellWarmUp]:
    """The warm-up of every cell of the campaign at ``directory`` whose pilots were all run.

    A pilot that did not complete, or whose record or log cannot be read, gives no seconds. Raises InputError
    where there is no campaign.
    """
    study = read_campaign(directory).study
    pilots: dict[str, list[PilotTrial]] = {}
    for pilot in plan_pilots(study):
        pilots.setdefault(pilot.cell.slug, []).append(pilot)
    found = []
    for slug, planned in pilots.items():
        if all(has_record(directory, pilot) for pilot in planned):
            read = [_seconds(directory / "trials" / pilot.directory) for pilot in planned]
            seconds = [pilot for pilot in read if pilot.rates]
            found.append(_of_cell(slug, seconds, study.pilot_plan.duration_s))
    return found


class _Seconds(NamedTuple):
    """A pilot's answers per second, and per million instructions; empty where that is not known."""

    rates: list[float]
    per_million: list[float]


def _of_cell(slug: str, pilots: Sequence[_Seconds], longest_s: float) -> CellWarmUp:
    """From counted work where all pilots have it: other programs of the machine do not change it."""
    counted = all(pilot.per_million for pilot in pilots)
    found = warm_up([pilot.per_million if counted else pilot.rates for pilot in pilots])
    if found is None:
        return CellWarmUp(cell=slug, warm_up_s=longest_s, steady=False, pilots=0)
    return CellWarmUp(cell=slug, warm_up_s=found.seconds, steady=found.steady, pilots=len(pilots))


def _seconds(folder: Path) -> _Seconds:
    path = folder / "trial.json"
    try:
        record = TrialRecord.model_validate_json(path.read_bytes())
        if record.load is None or record.end.state != "completed":
            return _Seconds([], [])
        latency = read_latency(folder / record.load.histogram, record.load)
        rates = window_rates(latency, record.load.window_s)
        return _Seconds(rates, answers_per_million(record, rates))
    except (OSError, ValueError, InputError):
        return _Seconds([], [])
