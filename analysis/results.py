"""A campaign as the analysis sees it: which trials count, which do not and why, what is still to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from contracts.arms import ARMS
from contracts.campaign import Campaign, read_campaign, read_records
from contracts.errors import InputError
from contracts.plan import PlannedTrial
from contracts.study import Cell
from contracts.trial import LoadResult, TrialRecord


@dataclass(frozen=True)
class Trial:
    """A finished trial. ``excluded`` says why it enters no statistics, "" where it does."""

    record: TrialRecord
    folder: Path
    excluded: str


@dataclass(frozen=True)
class CellResults:
    """The valid trials of one cell, in running order; ``state`` says why there are none."""

    cell: Cell
    trials: tuple[TrialRecord, ...]
    state: str


@dataclass(frozen=True)
class Results:
    """Everything that a campaign's folder holds, sorted by what may be done with it."""

    campaign: Campaign
    trials: tuple[Trial, ...]

    @cached_property
    def valid(self) -> tuple[TrialRecord, ...]:
        """Completed trials with a valid verdict: the only ones that enter statistics."""
        return tuple(trial.record for trial in self.trials if not trial.excluded)

    @cached_property
    def excluded(self) -> tuple[Trial, ...]:
        """Trials that ran and do not count."""
        return tuple(trial for trial in self.trials if trial.excluded)

    @cached_property
    def to_do(self) -> tuple[PlannedTrial, ...]:
        """Planned trials that this laboratory can run and that have no record yet."""
        recorded = {trial.record.id for trial in self.trials}
        return tuple(trial for trial in self.campaign.runnable if trial.id not in recorded)

    @cached_property
    def not_run(self) -> tuple[PlannedTrial, ...]:
        """Planned trials whose arm this laboratory cannot run."""
        runnable = {trial.id for trial in self.campaign.runnable}
        recorded = {trial.record.id for trial in self.trials}
        return tuple(trial for trial in self.campaign.trials if trial.id not in runnable | recorded)

    @property
    def complete(self) -> bool:
        """Whether every planned trial has been run, however it ended."""
        return bool(self.campaign.trials) and not self.to_do and not self.not_run

    @cached_property
    def cells(self) -> tuple[CellResults, ...]:
        """Every planned cell, by service in the study's order, then by arm as contracts.arms lists them."""
        study = self.campaign.study
        arms = list(ARMS)
        cells = {trial.cell for trial in self.campaign.trials}
        ordered = sorted(
            cells,
            key=lambda cell: (
                study.services.index(cell.service),
                cell.threads,
                cell.cpus,
                cell.memory_mib,
                arms.index(cell.arm),
            ),
        )
        return tuple(self._cell_results(cell) for cell in ordered)

    def _cell_results(self, cell: Cell) -> CellResults:
        trials = tuple(record for record in self.valid if record.cell == cell)
        missing = {row.arm for row in self.campaign.not_run}
        ran = any(trial.record.cell == cell for trial in self.trials)
        if trials:
            state = ""
        elif ran:
            state = "no valid trial"
        else:
            state = "not run" if cell.arm in missing else "still to do"
        return CellResults(cell, trials, state)


def read_results(directory: Path) -> Results:
    """Read the campaign at ``directory``. Raises InputError."""
    campaign = read_campaign(directory)
    cells = campaign.study.cells()
    for index, trial in enumerate(campaign.trials):
        if trial.cell not in cells:
            raise InputError(
                directory / "campaign.json",
                f"trials.{index}.cell",
                "the campaign's own study has no such cell",
                "restore the file from a copy",
            )
    records = read_records(directory)
    for trial_id, count in Counter(record.id for record in records).items():
        if count > 1:
            raise InputError(
                directory / "trials",
                "id",
                f"trial {trial_id} is there {count} times",
                "move the copies out of this folder",
            )
    planned = {trial.id: trial for trial in campaign.trials}
    return Results(campaign, tuple(_trial(record, campaign, planned, directory) for record in records))


def footprint_kinds(cells: Sequence[CellResults]) -> list[tuple[str, str]]:
    """Every kind and moment of a memory reading that any valid trial has, sorted."""
    return sorted(
        {(row.kind, row.when) for cell in cells for trial in cell.trials for row in trial.footprints}
    )


def distinct(values: Sequence[str]) -> list[str]:
    """The different ones of ``values``, in the order of their first appearance."""
    return list(dict.fromkeys(values))


def _trial(
    record: TrialRecord, campaign: Campaign, planned: dict[str, PlannedTrial], directory: Path
) -> Trial:
    name = PlannedTrial(
        id=record.id, block=record.block, position=record.position, cell=record.cell
    ).directory
    return Trial(record, directory / "trials" / name, _why_excluded(record, campaign, planned))


def _why_excluded(record: TrialRecord, campaign: Campaign, planned: dict[str, PlannedTrial]) -> str:
    plan = planned.get(record.id)
    if record.campaign != campaign.name or record.study.sha256 != campaign.study_sha256:
        return f"it belongs to campaign {record.campaign}, study {record.study.sha256[:12]}"
    if plan is None or plan.cell != record.cell:
        return "the campaign's plan does not hold it"
    if record.end.state != "completed":
        return record.end.why or "no reason was recorded"
    return _why_load_excluded(record.load)


def _why_load_excluded(load: LoadResult | None) -> str:
    if load is None:
        return "it completed without a load result"
    if load.verdict != "valid":
        return load.verdict
    return "" if load.throughput_per_s > 0 else "no right answer in the measured window"
