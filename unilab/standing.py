"""Where a campaign stands on disk, without reading more of its records than that takes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.campaign import Campaign, read_waiting
from contracts.errors import InputError
from contracts.plan import PlannedTrial
from contracts.store.folder import TRIAL, TRIALS, campaigns, checked_campaign
from contracts.store.lock import is_held

RECENT = 5


@dataclass(frozen=True)
class Standing:
    """A campaign so far.

    Attributes:
        ends: number of finished trials by how they ended; "damaged" are records that cannot be read.
        left_s: seconds of the remaining trials, by the mean of the finished ones; None before the first.
        is_running: whether a run works on the campaign now.
        recent: the last finished trials, oldest first: cell, state, requests per second or why it failed.
        waiting, not_run: arms with why and remedy.
    """

    campaign: str
    study: str
    title: str
    directory: str
    total: int
    done: int
    ends: dict[str, int]
    left_s: float | None
    is_running: bool
    recent: list[str]
    waiting: list[dict[str, str]]
    not_run: list[dict[str, str]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def standing_of(directory: Path) -> Standing:
    """Read it. Raises InputError where ``directory`` holds no campaign."""
    campaign = checked_campaign(directory)
    rows = [
        (trial, _record(directory, trial)) for trial in campaign.runnable if _path(directory, trial).exists()
    ]
    rows.sort(key=lambda row: row[1].get("ended_at", ""))
    ends = Counter(str(record.get("end", {}).get("state", "damaged")) for _, record in rows)
    return Standing(
        campaign=campaign.name,
        study=campaign.study.name,
        title=campaign.study.title,
        directory=str(directory),
        total=len(campaign.runnable),
        done=len(rows),
        ends=dict(ends.most_common()),
        left_s=_left_s([record for _, record in rows], len(campaign.runnable) - len(rows)),
        is_running=is_held(directory),
        recent=[_line(trial, record) for trial, record in rows[-RECENT:]],
        waiting=[row.model_dump() for row in read_waiting(directory)],
        not_run=[row.model_dump() for row in campaign.not_run],
    )


def find_campaign(results: Path, name: str) -> Path:
    """The folder of the campaign ``name``, a path or a name in ``results``; "" is the newest.

    Raises InputError where there is none.
    """
    if not name:
        newest: tuple[Path, Campaign] | None = next(campaigns(results), None)
        if newest is None:
            raise InputError(results, "", "it holds no campaign", "start one with `unilab run`")
        return newest[0]
    for directory in (results / name, Path(name)):
        if (directory / "campaign.json").is_file():
            return directory
    known = ", ".join(path.name for path, _ in campaigns(results)) or "none"
    raise InputError(results, "campaign", f"no campaign '{name}'", f"name one of: {known}")


def _path(directory: Path, trial: PlannedTrial) -> Path:
    return directory / TRIALS / trial.directory / TRIAL


def _record(directory: Path, trial: PlannedTrial) -> dict[str, Any]:
    """The record as it is; {} where it is damaged, which `python -m analysis check` names."""
    try:
        content = json.loads(_path(directory, trial).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _line(trial: PlannedTrial, record: dict[str, Any]) -> str:
    end, load = record.get("end") or {}, record.get("load") or {}
    state = end.get("state", "damaged")
    rate = load.get("throughput_per_s")
    rest = f", {rate:.4g} requests/s" if state == "completed" and isinstance(rate, int | float) else ""
    why = f" ({end['why']})" if end.get("why") else ""
    return f"{trial.id} {trial.cell.service} {trial.cell.arm} boot {trial.block + 1}: {state}{rest}{why}"


def _left_s(records: list[dict[str, Any]], left: int) -> float | None:
    took_s = []
    for record in records:
        try:
            started, ended = (datetime.fromisoformat(record[key]) for key in ("started_at", "ended_at"))
        except (KeyError, TypeError, ValueError):
            continue
        took_s.append((ended - started).total_seconds())
    return sum(took_s) / len(took_s) * left if took_s else None
