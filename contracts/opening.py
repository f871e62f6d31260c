"""Opening a campaign: a new one, or the unfinished one of the same study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from contracts.campaign import Campaign, NotRun
from contracts.errors import InputError
from contracts.plan import PlannedTrial, plan_trials
from contracts.store import folder, lock
from contracts.store.files import storage_errors
from contracts.study import Study

_TIME = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True)
class Opened:
    """A campaign, its folder, and its trials that remain.

    Attributes:
        aside: what killed runs left of trials, moved to these folders.
    """

    campaign: Campaign
    directory: Path
    remaining: list[PlannedTrial]
    resumed: bool
    aside: list[Path] = field(default_factory=list)


def open_campaign(
    results: Path,
    study: Study,
    not_run: Sequence[NotRun],
    name: str,
    now: datetime,
    *,
    owner: lock.Owner | None = None,
) -> Opened:
    """Open the campaign ``name`` under ``results``, or find one where ``name`` is "".

    Without a name, the newest campaign of this very study (by hash, with the same arms runnable)
    that is not finished is resumed. Where there is none, a new one gets the study's name and the
    time. Finished trials are never touched; what a killed trial left is moved aside. The campaign is
    locked for ``owner``, where one is given.

    Raises InputError for an invalid name, a campaign of another study, a damaged record, a campaign
    that another run works on, and a clock that was set back.
    """
    if name:
        folder.check_name(name)
    found = results / name if name else _unfinished(results, study, not_run)
    if found and (found / folder.CAMPAIGN).exists():
        return _resumed(found, study, owner)
    if not name:
        _require_clock(results, study, now)
    campaign = Campaign(
        name=name or f"{study.name}-{now:%Y%m%dT%H%M%SZ}",
        created_at=now,
        study=study,
        study_sha256=study.sha256,
        trials=plan_trials(study),
        not_run=list(not_run),
        checksums=True,
    )
    directory = folder.create_campaign(results, campaign)
    if owner:
        lock.acquire(directory, owner)
    return Opened(campaign, directory, campaign.runnable, resumed=False)


def _resumed(directory: Path, study: Study, owner: lock.Owner | None) -> Opened:
    campaign = _campaign_of(directory, study)
    if owner:
        with storage_errors(directory):
            lock.acquire(directory, owner)
    remaining = folder.remaining(campaign, directory)
    aside = folder.move_aside(directory, remaining)
    return Opened(campaign, directory, remaining, resumed=True, aside=aside)


def campaign_to_report(
    results: Path,
    study: Study,
    not_run: Sequence[NotRun],
    name: str,
    now: datetime,
    *,
    owner: lock.Owner | None = None,
) -> Opened:
    """Find the campaign ``name``, or the newest one of this study where ``name`` is "", finished or not.

    Where there is none, one is opened, whose report names all trials as not run yet. Nothing else is
    written, and no lock is needed. Damaged records remain to be reported.

    Raises InputError as ``open_campaign`` does.
    """
    if name:
        folder.check_name(name)
    found = results / name if name else _newest(results, study)
    if found is None or not (found / folder.CAMPAIGN).exists():
        return open_campaign(results, study, not_run, name, now, owner=owner)
    campaign = _campaign_of(found, study)
    recorded = [trial for trial in campaign.runnable if folder.has_record(found, trial)]
    return Opened(campaign, found, [t for t in campaign.runnable if t not in recorded], resumed=True)


def _campaign_of(directory: Path, study: Study) -> Campaign:
    campaign = folder.checked_campaign(directory)
    if campaign.study_sha256 == study.sha256:
        return campaign
    raise InputError(
        directory / folder.CAMPAIGN,
        "study_sha256",
        "this campaign belongs to another study, or the study was edited since",
        "give another name with -e campaign=NAME, or restore the study",
    )


def _newest(results: Path, study: Study) -> Path | None:
    own = (path for path, campaign in folder.campaigns(results) if campaign.study_sha256 == study.sha256)
    return next(own, None)


def _unfinished(results: Path, study: Study, not_run: Sequence[NotRun]) -> Path | None:
    missing = {row.arm for row in not_run}
    for directory, campaign in folder.campaigns(results):
        same = campaign.study_sha256 == study.sha256 and {r.arm for r in campaign.not_run} == missing
        if same and not all(folder.has_record(directory, trial) for trial in campaign.runnable):
            return directory
    return None


def _require_clock(results: Path, study: Study, now: datetime) -> None:
    """Raise InputError where a campaign of this study was created later than ``now``.

    The newest campaign is the one to resume and to report. With a clock that was set back it is an old one.
    """
    for directory, campaign in folder.campaigns(results):
        if campaign.study_sha256 == study.sha256 and campaign.created_at > now:
            raise InputError(
                directory / folder.CAMPAIGN,
                "created_at",
                f"created at {campaign.created_at:{_TIME}}, and the clock is at {now:{_TIME}}",
                "set the clock, or name the campaign with -e campaign=NAME",
            )
