"""A campaign on disk: ``results/CAMPAIGN/`` and how it is read.

campaign.json               the study, its hash, the plan, what cannot run and why; written once
stopped.json                after how many blocks a campaign ended early, and why (contracts.stopping)
waiting.json                arms whose host was skipped by the last run, and why; gone when none waits
trials/ID-CELL/trial.json   the record of a finished trial (contracts.trial); never rewritten
trials/ID-CELL/latency.hlog its histograms, and console.log of a guest
report.html                 made from the above, at any time, again
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import InputError, validate
from contracts.plan import PlannedTrial
from contracts.store.files import write_atomically
from contracts.study import Study
from contracts.trial import TrialRecord

WAITING = "waiting.json"
STOPPED = "stopped.json"


class NotRun(BaseModel):
    """An arm that the study names and this laboratory cannot run, or not now."""

    model_config = ConfigDict(extra="forbid")

    arm: str
    why: str
    remedy: str


class _Waiting(BaseModel):
    arms: list[NotRun]


class Campaign(BaseModel):
    """The content of ``campaign.json``.

    Attributes:
        checksums: whether this file and each record have a SHA256SUMS beside them; older campaigns have none.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    created_at: datetime
    study: Study
    study_sha256: str
    trials: list[PlannedTrial]
    not_run: list[NotRun]
    checksums: bool = False

    @property
    def runnable(self) -> list[PlannedTrial]:
        """Trials whose arm this laboratory can run, in running order."""
        missing = {row.arm for row in self.not_run}
        return [trial for trial in self.trials if trial.cell.arm not in missing]


class Stopped(BaseModel):
    """The content of ``stopped.json``: the campaign ended after its first ``after_blocks`` blocks."""

    model_config = ConfigDict(extra="forbid")

    after_blocks: int = Field(ge=1)
    why: str


def read_campaign(directory: Path) -> Campaign:
    """Read ``directory/campaign.json``, with the trials of no block after its end. Raises InputError."""
    path = directory / "campaign.json"
    campaign = validate(Campaign, read_json(path), path, "name a folder that a campaign made")
    path = directory / STOPPED
    if not path.exists():
        return campaign
    stopped = validate(Stopped, read_json(path), path, "remove the file: the next run writes it")
    kept = [trial for trial in campaign.trials if trial.block < stopped.after_blocks]
    return campaign.model_copy(update={"trials": kept})


def read_records(directory: Path, folder: str = "trials") -> list[TrialRecord]:
    """Every finished trial of the campaign at ``directory``, in running order. Raises InputError.

    ``folder`` holds them: ``trials``, or ``pilots`` (contracts.warm_up).
    """
    paths = sorted(directory.glob(f"{folder}/*/trial.json"))
    remedy = "records are never edited: move this folder away to run its trial again"
    return [validate(TrialRecord, read_json(path), path, remedy) for path in paths]


def read_waiting(directory: Path) -> list[NotRun]:
    """Arms of the campaign at ``directory`` that the last run left waiting, and why. Raises InputError."""
    path = directory / WAITING
    if not path.exists():
        return []
    remedy = "remove the file: the next run writes it again"
    return validate(_Waiting, {"arms": read_json(path)}, path, remedy).arms


def write_waiting(directory: Path, arms: Sequence[NotRun]) -> None:
    """Say at ``directory`` which arms wait; nothing is left there where none does."""
    path = directory / WAITING
    if arms:
        rows = [row.model_dump(mode="json") for row in arms]
        write_atomically(path, json.dumps(rows, indent=2) + "\n")
    else:
        path.unlink(missing_ok=True)


def read_json(path: Path) -> object:
    """What the JSON file at ``path`` holds. Raises InputError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            path, "", f"cannot read: {error.strerror}", "name a folder that a campaign made"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(path, "", f"not JSON: {error}", "restore the file from a copy") from None
