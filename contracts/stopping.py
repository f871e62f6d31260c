"""When a campaign ends: after a fixed number of blocks, at its study's precision, or at its time limit.

A study with ``boots: {least, most}`` plans ``most`` blocks from its seed at once, so that the order of trials
does not depend on results. ``stopped.json`` beside the plan says after how many of them the campaign ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from contracts.campaign import STOPPED, Campaign, Stopped, read_campaign, read_records
from contracts.store.files import write_atomically
from contracts.warm_up import PILOTS


def block_is_wanted(directory: Path, block: int, why_enough: Callable[[Path], str]) -> bool:
    """Whether ``block`` of the campaign at ``directory`` is to be run; asked before its first trial.

    A block that has a record is always finished. Before any other block beyond the least, ``why_enough`` is
    asked, and then the time limit: where there is a reason to end, the campaign ends with the blocks that it
    has, and ``stopped.json`` is written with that reason. Raises InputError where there is no campaign.
    """
    if (directory / STOPPED).exists():
        campaign = read_campaign(directory)
        return any(trial.block == block for trial in campaign.trials)
    campaign = read_campaign(directory)
    if block < campaign.study.least_boots:
        return True
    folders = (directory / "trials" / trial.directory for trial in campaign.trials if trial.block == block)
    if any((folder / "trial.json").exists() for folder in folders):
        return True
    why = why_enough(directory) or _why_no_time(directory, campaign)
    if not why:
        return True
    write_atomically(
        directory / STOPPED, Stopped(after_blocks=block, why=why).model_dump_json(indent=2) + "\n"
    )
    return False


def _why_no_time(directory: Path, campaign: Campaign) -> str:
    """Why another block would end after the study's time limit, in a phrase; "" where it would not.

    Time is that of pilots and trials, from start to record. While a campaign is stopped none passes.
    """
    limit_min = campaign.study.time_limit_min
    if limit_min is None:
        return ""
    spent_min: dict[int | None, float] = defaultdict(float)  # by block, None for pilots
    for pilot in read_records(directory, PILOTS):
        spent_min[None] += (pilot.ended_at - pilot.started_at) / timedelta(minutes=1)
    for record in read_records(directory):
        spent_min[record.block] += (record.ended_at - record.started_at) / timedelta(minutes=1)
    total_min = sum(spent_min.values())
    longest_min = max((spent for block, spent in spent_min.items() if block is not None), default=0.0)
    if total_min + longest_min <= limit_min:
        return ""
    return (
        f"the time limit is {limit_min:g} min: {total_min:.1f} min were used, "
        f"and a block takes up to {longest_min:.1f} min"
    )
