"""Pilots of a campaign to the warm-up of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.estimates.warm_up import warm_up
from analysis.records.latency import answers_per_second, read_latency
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
            seconds = [_rates(directory / "trials" / pilot.directory) for pilot in planned]
            found.append(_of_cell(slug, [rates for rates in seconds if rates], study.pilot_plan.duration_s))
    return found


def _of_cell(slug: str, pilots: Sequence[Sequence[float]], longest_s: float) -> CellWarmUp:
    found = warm_up(pilots)
    if found is None:
        return CellWarmUp(cell=slug, warm_up_s=longest_s, steady=False, pilots=0)
    return CellWarmUp(cell=slug, warm_up_s=found.seconds, steady=found.steady, pilots=len(pilots))


def _rates(folder: Path) -> list[float]:
    path = folder / "trial.json"
    try:
        record = TrialRecord.model_validate_json(path.read_bytes())
        if record.load is None or record.end.state != "completed":
            return []
        return answers_per_second(read_latency(folder / record.load.histogram, record.load))[1]
    except (OSError, ValueError, InputError):
        return []
