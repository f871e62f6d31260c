"""Warm-up to steady state: pilot boots of each cell, before the trials, say how long each cell takes.

pilots/ID-CELL/trial.json   the record of a pilot: a load without a warm-up, for the time of ``Study.pilot``
warm_up.json                what the pilots showed; a cell is added once, before its first trial
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from contracts.campaign import Campaign, read_json
from contracts.cell import Cell
from contracts.control import arm_booted, is_again
from contracts.errors import validate
from contracts.loads import Load
from contracts.plan import PlannedTrial
from contracts.store.files import write_atomically
from contracts.study import Study
from contracts.workload import split_service

WARM_UP = "warm_up.json"
PILOTS = "pilots"


class CellWarmUp(BaseModel):
    """One cell's warm-up, in seconds of load; ``steady``: whether its pilots reached a steady state."""

    model_config = ConfigDict(extra="forbid")

    cell: str
    warm_up_s: float = Field(ge=0)
    steady: bool
    pilots: int = Field(ge=0)


class PilotTrial(PlannedTrial):
    """One pilot boot; its folder is beside those of the trials."""

    @property
    def directory(self) -> str:
        """From the folder of the trials."""
        return f"../{PILOTS}/{super().directory}"


def needs_pilots(study: Study, cell: Cell) -> bool:
    """Whether the warm-up of ``cell`` is to be found; a control's second name shares that of its arm."""
    return _load(study, cell).warm_up == "steady" and not is_again(cell.arm)


def plan_pilots(study: Study) -> list[PilotTrial]:
    """Every pilot of ``study``: rounds of all cells, each in an order drawn from the study's seed."""
    generator = random.Random(f"{study.seed} pilots")
    pilots: list[PilotTrial] = []
    for round_ in range(study.pilot_plan.boots):
        cells = [cell for cell in study.cells() if needs_pilots(study, cell)]
        generator.shuffle(cells)
        for position, cell in enumerate(cells):
            name = f"P{len(pilots) + 1:03d}"
            pilots.append(PilotTrial(id=name, block=round_, position=position, cell=cell))
    return pilots


def remaining_pilots(directory: Path, campaign: Campaign) -> list[PilotTrial]:
    """Pilots that are still to be run: those without a record, of cells whose warm-up is not known yet."""
    missing = {row.arm for row in campaign.not_run}
    known = {row.cell for row in read_warm_ups(directory)}
    return [
        pilot
        for pilot in plan_pilots(campaign.study)
        if pilot.cell.arm not in missing and pilot.cell.slug not in known and not has_record(directory, pilot)
    ]


def has_record(directory: Path, pilot: PilotTrial) -> bool:
    """Whether ``pilot`` of the campaign at ``directory`` was run, however it ended."""
    return (directory / "trials" / pilot.directory / "trial.json").exists()


def pilot_load(study: Study, cell: Cell) -> Load:
    """The load of a pilot: the cell's own, from its first second, for the time of the study's pilots."""
    load = _load(study, cell)
    changes = {"warm_up": None, "warm_up_s": 0.0, "requests": None, "duration_s": study.pilot_plan.duration_s}
    return load.model_copy(update=changes)


def trial_load(study: Study, cell: Cell, warm_ups: Sequence[CellWarmUp]) -> Load:
    """The load of a trial, with the warm-up that its cell's pilots showed where the study asks for it.

    A cell of which no pilot succeeded is warmed up as long as a pilot lasts.
    """
    load = _load(study, cell)
    if load.warm_up is None:
        return load
    found = {row.cell: row.warm_up_s for row in warm_ups}
    seconds = found.get(_booted(cell).slug, study.pilot_plan.duration_s)
    return load.model_copy(update={"warm_up": None, "warm_up_s": seconds})


def read_warm_ups(directory: Path) -> list[CellWarmUp]:
    """What the pilots of the campaign at ``directory`` showed; empty without any. Raises InputError."""
    path = directory / WARM_UP
    if not path.exists():
        return []
    remedy = "restore the file from a copy: trials that were run used it"
    return validate(_WarmUps, {"cells": read_json(path)}, path, remedy).cells


def write_warm_ups(directory: Path, cells: Sequence[CellWarmUp]) -> bool:
    """Add ``cells`` to ``warm_up.json``; whether any was new. Trials used those that it has: they stay."""
    known = read_warm_ups(directory)
    names = {row.cell for row in known}
    added = [row for row in cells if row.cell not in names]
    if added:
        rows = [row.model_dump(mode="json") for row in (*known, *added)]
        write_atomically(directory / WARM_UP, json.dumps(rows, indent=2) + "\n")
    return bool(added)


def _load(study: Study, cell: Cell) -> Load:
    return study.load[split_service(cell.service)[0]]


def _booted(cell: Cell) -> Cell:
    """The cell whose pilots a control shares."""
    return cell.model_copy(update={"arm": arm_booted(cell.arm)})


class _WarmUps(BaseModel):
    cells: list[CellWarmUp]
