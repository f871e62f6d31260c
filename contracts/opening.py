"""Opening a campaign: a new one, or the unfinished one of the same study."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contracts.campaign import Campaign, NotRun, read_campaign, read_records, write_atomically
from contracts.errors import InputError
from contracts.plan import PlannedTrial, plan_trials
from contracts.study import Study


@dataclass(frozen=True)
class Opened:
    """A campaign, where it lies, and what of it is still to be done."""

    campaign: Campaign
    directory: Path
    remaining: list[PlannedTrial]
    resumed: bool


def open_campaign(results: Path, study: Study, not_run: Sequence[NotRun], name: str, now: datetime) -> Opened:
    """Open the campaign ``name`` under ``results``, or find one where ``name`` is "".

    Without a name, the newest campaign of this very study (by hash, with the same arms runnable)
    that is not finished is resumed; where there is none, a new one gets the study's name and the
    time. Nothing of a finished trial is touched; what a killed trial left is removed.

    Raises InputError when ``name`` is a campaign of another study.
    """
    found = results / name if name else _unfinished(results, study, not_run)
    if found and (found / "campaign.json").exists():
        campaign = _campaign_of(found, study)
        remaining = _remaining(campaign, found)
        _remove_half_made(found, remaining)
        return Opened(campaign, found, remaining, resumed=True)
    name = name or f"{study.name}-{now:%Y%m%dT%H%M%SZ}"
    campaign = Campaign(
        name=name,
        created_at=now,
        study=study,
        study_sha256=study.sha256,
        trials=plan_trials(study),
        not_run=list(not_run),
    )
    directory = results / name
    write_atomically(directory / "campaign.json", campaign.model_dump_json(indent=2) + "\n")
    return Opened(campaign, directory, campaign.runnable, resumed=False)


def campaign_to_report(
    results: Path, study: Study, not_run: Sequence[NotRun], name: str, now: datetime
) -> Opened:
    """Find the campaign ``name``, or the newest one of this study where ``name`` is "", finished or not.

    Where there is none, one is opened, whose report names all trials as not run yet. Nothing else is written.

    Raises InputError as ``open_campaign`` does.
    """
    found = results / name if name else _newest(results, study)
    if found is None or not (found / "campaign.json").exists():
        return open_campaign(results, study, not_run, name, now)
    campaign = _campaign_of(found, study)
    return Opened(campaign, found, _remaining(campaign, found), resumed=True)


def _campaign_of(directory: Path, study: Study) -> Campaign:
    campaign = read_campaign(directory)
    if campaign.study_sha256 == study.sha256:
        return campaign
    raise InputError(
        directory / "campaign.json",
        "study_sha256",
        "this campaign belongs to another study, or the study was edited since",
        "give another name with -e campaign=NAME, or restore the study",
    )


def _newest(results: Path, study: Study) -> Path | None:
    own = [path for path in _campaigns(results) if read_campaign(path).study_sha256 == study.sha256]
    return own[0] if own else None


def _campaigns(results: Path) -> list[Path]:
    """Folders of campaigns, the newest first."""
    paths = sorted(results.glob("*/campaign.json"), key=lambda p: p.stat().st_mtime, reverse=True)
    return [path.parent for path in paths]


def _unfinished(results: Path, study: Study, not_run: Sequence[NotRun]) -> Path | None:
    missing = {row.arm for row in not_run}
    for directory in _campaigns(results):
        campaign = read_campaign(directory)
        same = campaign.study_sha256 == study.sha256 and {r.arm for r in campaign.not_run} == missing
        if same and _remaining(campaign, directory):
            return directory
    return None


def _remaining(campaign: Campaign, directory: Path) -> list[PlannedTrial]:
    done = {record.id for record in read_records(directory)}
    return [trial for trial in campaign.runnable if trial.id not in done]


def _remove_half_made(directory: Path, remaining: Sequence[PlannedTrial]) -> None:
    for trial in remaining:
        shutil.rmtree(directory / "trials" / trial.directory, ignore_errors=True)
