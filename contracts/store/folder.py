"""A campaign's folder: created once, its finished trials kept, the rest of killed trials moved aside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.campaign import Campaign, read_campaign
from contracts.cell import Cell
from contracts.errors import InputError, validate
from contracts.plan import PlannedTrial
from contracts.store.files import SUMS, check_sums, create, storage_errors, sums_of, write_atomically
from contracts.trial import StudyReference, TrialRecord

CAMPAIGN, TRIAL, TRIALS, ASIDE = "campaign.json", "trial.json", "trials", "aside"
RECORD_REMEDY = (
    "records are never edited: restore it from a copy, or move this folder away to run its trial again"
)
CAMPAIGN_REMEDY = "restore the file from a copy"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> None:
    """Raise InputError for a name that is not one folder in the results folder."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise InputError(
            f"campaign {name!r}",
            "campaign",
            "a name has 1 to 100 letters, digits, dots, hyphens and underscores, and starts with a letter "
            "or digit",
            "give such a name with -e campaign=NAME",
        )


def create_campaign(results: Path, campaign: Campaign) -> Path:
    """Create the folder of a new campaign and return it.

    Its campaign.json is written last, so that no other run sees a part of a campaign. Raises InputError where
    the folder exists or cannot be written.
    """
    check_name(campaign.name)
    directory = results / campaign.name
    text = campaign.model_dump_json(indent=2) + "\n"
    with storage_errors(results):
        results.mkdir(parents=True, exist_ok=True)
        try:
            directory.mkdir()
        except FileExistsError:
            raise InputError(
                directory,
                "campaign",
                "the folder exists, and holds no campaign or one that was created in the same second",
                "give another name with -e campaign=NAME, or the same command again",
            ) from None
        create(directory / SUMS, sums_of(directory, (), {CAMPAIGN: text}))
        create(directory / CAMPAIGN, text)
    return directory


def checked_campaign(directory: Path) -> Campaign:
    """Read ``directory/campaign.json``, and compare it with its checksum. Raises InputError."""
    campaign = read_campaign(directory)
    if campaign.checksums:
        check_sums(directory, CAMPAIGN, CAMPAIGN_REMEDY)
    if campaign.study.sha256 != campaign.study_sha256:
        raise InputError(
            directory / CAMPAIGN, "study_sha256", "it is not the hash of the study", CAMPAIGN_REMEDY
        )
    return campaign


def campaigns(results: Path) -> Iterator[tuple[Path, Campaign]]:
    """Readable campaigns, the newest first. One that is damaged or of a newer version blocks no other."""
    paths = sorted(results.glob(f"*/{CAMPAIGN}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths:
        try:
            campaign = checked_campaign(path.parent)
        except InputError:
            continue
        yield path.parent, campaign


def remaining(campaign: Campaign, directory: Path) -> list[PlannedTrial]:
    """Trials that can run here and have no record. Raises InputError for a record that is not the trial's.

    A record is looked for in its trial's own folder, and has to be of this campaign, study, id and cell. So
    a copied or changed record never counts as another trial, and never makes a finished one run again.
    """
    return [trial for trial in campaign.runnable if not _is_finished(campaign, directory, trial)]


def has_record(directory: Path, trial: PlannedTrial) -> bool:
    """Whether the trial's folder has a record, damaged or not."""
    return (directory / TRIALS / trial.directory / TRIAL).exists()


def _is_finished(campaign: Campaign, directory: Path, trial: PlannedTrial) -> bool:
    if not has_record(directory, trial):
        return False
    folder = directory / TRIALS / trial.directory
    origin: TrialRecord | _Origin
    if campaign.checksums:
        # What is as it was written needs no second validation: thousands of records are read at each start.
        check_sums(folder, TRIAL, RECORD_REMEDY)
        origin = _origin_of(folder / TRIAL)
    else:
        origin = read_record(folder, checksums=False)
    check_origin(folder / TRIAL, origin, campaign, trial)
    return True


class _Origin(BaseModel):
    """The part of a record that states which trial it is of."""

    model_config = ConfigDict(extra="ignore")

    campaign: str
    study: StudyReference
    id: str
    cell: Cell


def _origin_of(path: Path) -> _Origin:
    try:
        return _Origin.model_validate_json(path.read_bytes())
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(path, "", f"not a record: {reason}", RECORD_REMEDY) from None


def read_record(folder: Path, checksums: bool) -> TrialRecord:
    """The record of a trial's ``folder``, compared with its checksum. Raises InputError."""
    path = folder / TRIAL
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(path, "", f"cannot read: {error.strerror}", RECORD_REMEDY) from None
    try:
        record = TrialRecord.model_validate_json(content)
    except ValidationError:
        try:
            record = validate(TrialRecord, json.loads(content), path, RECORD_REMEDY)
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            raise InputError(path, "", f"not JSON: {error}", RECORD_REMEDY) from None
    if checksums:
        check_sums(folder, TRIAL, RECORD_REMEDY)
    return record


def check_origin(path: Path, record: TrialRecord | _Origin, campaign: Campaign, trial: PlannedTrial) -> None:
    """Raise InputError for a record that is not of this campaign, study and trial."""
    facts: Mapping[str, tuple[object, object]] = {
        "campaign": (record.campaign, campaign.name),
        "study": (record.study.sha256, campaign.study_sha256),
        "id": (record.id, trial.id),
        "cell": (record.cell, trial.cell),
    }
    for key, (found, planned) in facts.items():
        if found != planned:
            problem = f"it is a record of another {key} ({_short(found)}, and not {_short(planned)})"
            raise InputError(path, key, problem, RECORD_REMEDY)


def _short(value: object) -> str:
    return str(value)[:60]


def move_aside(directory: Path, trials: Sequence[PlannedTrial]) -> list[Path]:
    """Move what killed runs left of ``trials`` to ``aside``, and return where it is now. Nothing is removed.

    A folder with a record is never moved. Raises InputError where that cannot be written.
    """
    moved = []
    for trial in trials:
        folder = directory / TRIALS / trial.directory
        if not folder.exists() or (folder / TRIAL).exists():
            continue
        with storage_errors(directory):
            (directory / ASIDE).mkdir(exist_ok=True)
            target = _free(directory / ASIDE, folder.name)
            folder.rename(target)
        moved.append(target)
    return moved


def _free(folder: Path, name: str) -> Path:
    number = 1
    while (folder / f"{name}-{number}").exists():
        number += 1
    return folder / f"{name}-{number}"


def write_record(path: Path, record: TrialRecord) -> None:
    """Create the record of a trial and the checksums of its files. Raises InputError where it exists."""
    text = record.model_dump_json(indent=2) + "\n"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise _exists(path)
        # First the checksums: a record without them would look damaged.
        write_atomically(path.parent / SUMS, sums_of(path.parent, _files(path.parent), {path.name: text}))
        try:
            create(path, text)
        except FileExistsError:
            raise _exists(path) from None


def _files(folder: Path) -> list[str]:
    """Histograms, console and the like: the files of a trial beside its record."""
    return [path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]


def _exists(path: Path) -> InputError:
    return InputError(path, "", "this trial has a record already, which is never overwritten", RECORD_REMEDY)
