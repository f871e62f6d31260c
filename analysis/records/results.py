"""A campaign's folder as it was found: the plan, every record that could be read, and what could not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from analysis.records.latency import TrialLatency, Window, read_latencies
from contracts.campaign import Campaign, NotRun, read_campaign, read_waiting
from contracts.errors import InputError, validate
from contracts.plan import PlannedTrial
from contracts.store.files import check_file
from contracts.trial import SCHEMA_VERSION, TrialRecord
from contracts.warm_up import CellWarmUp, read_warm_ups

_RUN_AGAIN = "records are never edited: move this folder away to run its trial again"


@dataclass(frozen=True)
class Damage:
    """A file that could not be used. ``trial_id`` is that of its record, "" where no record was read."""

    path: Path
    trial_id: str
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True)
class Results:
    """Everything that a campaign's folder holds.

    Attributes:
        directory: where it was read.
        campaign: the plan, and what could not run.
        records: one per trial id, in running order.
        latencies: by trial id, of the trials whose log could be read.
        damage: files that could not be used; everything else is still there.
        warm_ups: what pilots showed, for cells whose warm-up they found.
        waiting: arms whose host was skipped in the last run, and why.
    """

    directory: Path
    campaign: Campaign
    records: tuple[TrialRecord, ...]
    latencies: Mapping[str, TrialLatency]
    damage: tuple[Damage, ...]
    waiting: tuple[NotRun, ...] = ()
    warm_ups: tuple[CellWarmUp, ...] = ()

    @cached_property
    def to_do(self) -> tuple[PlannedTrial, ...]:
        """Planned trials that this laboratory can run and that have no record yet."""
        recorded = {record.id for record in self.records}
        return tuple(trial for trial in self.campaign.runnable if trial.id not in recorded)

    @cached_property
    def not_run(self) -> tuple[PlannedTrial, ...]:
        """Planned trials whose arm this laboratory cannot run."""
        known = {trial.id for trial in self.campaign.runnable} | {record.id for record in self.records}
        return tuple(trial for trial in self.campaign.trials if trial.id not in known)

    @property
    def complete(self) -> bool:
        """Whether every planned trial has been run, however it ended."""
        return bool(self.campaign.trials) and not self.to_do and not self.not_run


def read_results(directory: Path, second: Executor | None = None) -> Results:
    """Read the campaign at ``directory``; a damaged record or log is named in ``damage``, the rest is kept.

    A ``second`` process reads half of the logs. Raises InputError where there is no campaign to read.
    """
    campaign = read_campaign(directory)
    cells = set(campaign.study.cells())
    for index, trial in enumerate(campaign.trials):
        if trial.cell not in cells:
            raise InputError(
                directory / "campaign.json",
                f"trials.{index}.cell",
                "the campaign's own study has no such cell",
                "restore the file from a copy",
            )
    damage: list[Damage] = []
    found: list[tuple[Path, TrialRecord]] = []
    planned = {trial.id: trial for trial in campaign.trials}
    for path in sorted(directory.glob("trials/*/trial.json"), key=str):
        try:
            record = _read_record(path)
            if campaign.checksums:
                check_file(path.parent, path.name, _RUN_AGAIN)
            _check_origin(path, record, campaign, planned)
            found.append((path, record))
        except InputError as error:
            damage.append(Damage(path, "", str(error)))
    copies = _copies(found)
    copied = {row.trial_id for row in copies}
    kept = [(path, record) for path, record in found if record.id not in copied]
    kept.sort(key=lambda row: (row[1].block, row[1].position))
    changed = _changed_logs(kept) if campaign.checksums else []
    whole = [row for row in kept if row[1].id not in {damaged.trial_id for damaged in changed}]
    latencies, damaged = _latencies(whole, second)
    return Results(
        directory,
        campaign,
        tuple(record for _, record in kept),
        latencies,
        (*damage, *copies, *changed, *damaged),
        tuple(read_waiting(directory)),
        tuple(read_warm_ups(directory)),
    )


def distinct(values: Sequence[str]) -> list[str]:
    """The different ones of ``values``, in the order of their first appearance."""
    return list(dict.fromkeys(values))


def _read_record(path: Path) -> TrialRecord:
    """One record. Raises InputError, which names an unknown schema version before anything it explains."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(path, "", f"cannot read: {error.strerror}", _RUN_AGAIN) from None
    try:
        return TrialRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise InputError(path, "", f"not JSON, perhaps cut off: {first['msg']}", _RUN_AGAIN) from None
        for row in error.errors():
            if row["loc"] == ("schema_version",):
                problem = (
                    f"version {row['input']!r} of the record is unknown, this analysis reads {SCHEMA_VERSION}"
                )
                remedy = "read it with the analysis of the version that wrote it"
                raise InputError(path, "schema_version", problem, remedy) from None
        return validate(TrialRecord, json.loads(content), path, _RUN_AGAIN)


def _check_origin(
    path: Path, record: TrialRecord, campaign: Campaign, planned: Mapping[str, PlannedTrial]
) -> None:
    """Raise InputError for a record that another campaign, study or plan made."""
    if record.campaign != campaign.name or record.study.sha256 != campaign.study_sha256:
        whose = f"it belongs to campaign {record.campaign}, study {record.study.sha256[:12]}"
        raise InputError(path, "campaign", whose, "move this folder back to the campaign that made it")
    plan = planned.get(record.id)
    if plan is None or plan.cell != record.cell:
        raise InputError(path, "id", f"the campaign's plan does not hold trial {record.id}", _RUN_AGAIN)


def _latencies(
    found: Sequence[tuple[Path, TrialRecord]], second: Executor | None
) -> tuple[dict[str, TrialLatency], list[Damage]]:
    latencies: dict[str, TrialLatency] = {}
    damage = []
    loaded = [
        (path.parent / load.histogram, load, record.id) for path, record in found if (load := record.load)
    ]
    logs = [(log, Window.of(load)) for log, load, _ in loaded]
    for (log, _, trial_id), read in zip(loaded, read_latencies(logs, second), strict=True):
        if isinstance(read, InputError):
            damage.append(Damage(log, trial_id, str(read)))
        else:
            latencies[trial_id] = read
    return latencies, damage


def _changed_logs(found: Sequence[tuple[Path, TrialRecord]]) -> list[Damage]:
    """Logs that were changed since their record was written, by its checksums."""
    damage = []
    for path, record in found:
        if record.load is None:
            continue
        try:
            check_file(path.parent, record.load.histogram, _RUN_AGAIN)
        except InputError as error:
            damage.append(Damage(path.parent / record.load.histogram, record.id, str(error)))
    return damage


def _copies(found: Sequence[tuple[Path, TrialRecord]]) -> list[Damage]:
    """Records of one id: which of them is the trial is unknown, so none counts."""
    times = Counter(record.id for _, record in found)
    return [
        Damage(
            path,
            record.id,
            f"{path}: key id: trial {record.id} is there {times[record.id]} times, so none of them counts. "
            "Remedy: move the copies out of this folder.",
        )
        for path, record in found
        if times[record.id] > 1
    ]
