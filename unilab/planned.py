"""What a study will take: cells, blocks, time and disk, from its file and from earlier campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from contracts.campaign import read_records
from contracts.cell import Cell
from contracts.errors import InputError
from contracts.store.folder import TRIALS, campaigns
from contracts.study import Study
from contracts.trial import TrialRecord
from contracts.warm_up import plan_pilots
from contracts.workload import split_service

# Trials of so many earlier campaigns are looked at.
_CAMPAIGNS = 5


@dataclass(frozen=True)
class Plan:
    """A study's size.

    Attributes:
        trials: least and most, equal where the number of boots is fixed.
        load_s: seconds of warm-up and window of all trials, least and most. A warm-up that pilots find counts
            as long as a pilot.
        pilots_s: seconds of load of all pilots.
        around_s: seconds of a trial beyond its load, mean of ``known_trials`` earlier ones; None without any.
        record_bytes: of a trial's folder, in the same way.
    """

    study: str
    title: str
    cells: int
    blocks: tuple[int, int]
    trials: tuple[int, int]
    pilots: int
    load_s: tuple[float, float]
    pilots_s: float
    around_s: float | None
    record_bytes: float | None
    known_trials: int

    @property
    def duration_s(self) -> tuple[float, float] | None:
        """Least and most seconds of the campaign on prepared hosts; None where no earlier trial is known."""
        if self.around_s is None:
            return None
        pilots_s = self.pilots_s + self.pilots * self.around_s
        least, most = (
            pilots_s + load_s + trials * self.around_s
            for load_s, trials in zip(self.load_s, self.trials, strict=True)
        )
        return least, most

    @property
    def disk_bytes(self) -> float | None:
        """Of all records at most; None where no earlier trial is known."""
        return None if self.record_bytes is None else self.record_bytes * (self.trials[1] + self.pilots)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"duration_s": self.duration_s, "disk_bytes": self.disk_bytes}


def plan_of(study: Study, results: Path) -> Plan:
    """The plan of ``study``; earlier campaigns in ``results`` show what a trial takes beyond its load."""
    cells, pilots = study.cells(), plan_pilots(study)
    blocks = (study.least_boots, study.most_boots)
    block_s = sum(_load_s(study, cell) for cell in cells)
    known = list(_known_trials(results, {cell.arm for cell in cells}))
    return Plan(
        study=study.name,
        title=study.title,
        cells=len(cells),
        blocks=blocks,
        trials=(len(cells) * blocks[0], len(cells) * blocks[1]),
        pilots=len(pilots),
        load_s=(block_s * blocks[0], block_s * blocks[1]),
        pilots_s=len(pilots) * study.pilot_plan.duration_s,
        around_s=mean(row[0] for row in known) if known else None,
        record_bytes=mean(row[1] for row in known) if known else None,
        known_trials=len(known),
    )


def plan_lines(plan: Plan) -> list[str]:
    """Lines for a terminal."""
    lines = [
        f"study    {plan.study}: {plan.title}",
        f"cells    {plan.cells}",
        f"blocks   {_range(*plan.blocks)}: each holds every cell once, in random order",
        f"trials   {_range(*plan.trials)}" + (f", after {plan.pilots} pilots" if plan.pilots else ""),
        f"load     {_range_of(plan.load_s, _hours)} of warm-up and window"
        + (f", and {_hours(plan.pilots_s)} of pilots" if plan.pilots else ""),
    ]
    if plan.duration_s is None or plan.disk_bytes is None or plan.around_s is None:
        return [
            *lines,
            "duration not known: no earlier campaign here shows what boot and preparation of a trial take",
            "disk     not known, for the same reason",
        ]
    return [
        *lines,
        f"duration {_range_of(plan.duration_s, _hours)}, with {plan.around_s:.0f} s around each load "
        f"(mean of {plan.known_trials} earlier trials)",
        f"disk     {plan.disk_bytes / 2**20:.0f} MiB of records at most",
    ]


def _load_s(study: Study, cell: Cell) -> float:
    load = study.load[split_service(cell.service)[0]]
    warm_up_s = study.pilot_plan.duration_s if load.warm_up_s is None else load.warm_up_s
    # A load with an exact total of requests lasts as long as the service takes.
    return warm_up_s + (load.duration_s or 0.0)


def _known_trials(results: Path, arms: set[str]) -> Iterator[tuple[float, int]]:
    """Seconds beyond the load, and bytes, of finished trials of ``arms`` in the newest campaigns."""
    for number, (directory, _) in enumerate(campaigns(results)):
        if number == _CAMPAIGNS:
            return
        try:
            records: Iterable[TrialRecord] = read_records(directory)
        except InputError:
            continue
        for record in records:
            folder = directory / TRIALS / f"{record.id}-{record.cell.slug}"
            if record.load and record.cell.arm in arms and folder.is_dir():
                took_s = (record.ended_at - record.started_at).total_seconds()
                load_s = record.load.warm_up_s + record.load.window_s
                yield max(0.0, took_s - load_s), sum(path.stat().st_size for path in folder.iterdir())


def _range(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _range_of(values: tuple[float, float], text: Any) -> str:
    least, most = (text(value) for value in values)
    return least if least == most else f"{least} to {most}"


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
