"""When a campaign ends: after a fixed number of blocks, or as soon as its study's precision is reached.

A study with ``boots: {least, most}`` plans ``most`` blocks from its seed at once, so that the order of trials
does not depend on results. ``stopped.json`` beside the plan says after how many of them the campaign ended.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from contracts.campaign import STOPPED, Stopped, read_campaign
from contracts.store.files import write_atomically


def block_is_wanted(directory: Path, block: int, why_enough: Callable[[Path], str]) -> bool:
    """Whether ``block`` of the campaign at ``directory`` is to be run; asked before its first trial.

    A block that has a record is always finished. Before any other block beyond the least, ``why_enough`` is
    asked: where it returns a reason, the campaign ends with the blocks that it has, and ``stopped.json`` is
    written with that reason. Raises InputError where there is no campaign.
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
    why = why_enough(directory)
    if not why:
        return True
    write_atomically(
        directory / STOPPED, Stopped(after_blocks=block, why=why).model_dump_json(indent=2) + "\n"
    )
    return False
