"""How each cell held up: boots, errors, hangs, and crashes per million requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from analysis.results import Results
from analysis.statistics import poisson_rate_interval
from contracts.study import Cell
from contracts.trial import TrialRecord

_MILLION = 1_000_000


@dataclass(frozen=True)
class Stability:
    """One cell over all its recorded boots, valid or not.

    Attributes:
        never_answered: boots that crashed or hung before the first right answer.
        crashed, hung: boots that did so later. A hang is no crash: its boot counts up to there.
        requests: of the measured windows that were recorded.
        errors: count by kind.
        rate_per_million: crashes per million requests; None without requests.
        low_per_million, high_per_million: its exact 95 % interval.
    """

    cell: Cell
    boots: int
    never_answered: int
    crashed: int
    hung: int
    requests: int
    errors: dict[str, int]
    rate_per_million: float | None
    low_per_million: float
    high_per_million: float


def stability(results: Results) -> list[Stability]:
    """One row per planned cell that has a record."""
    rows = []
    for planned in results.cells:
        records = [trial.record for trial in results.trials if trial.record.cell == planned.cell]
        if records:
            rows.append(_row(planned.cell, records))
    return rows


def _row(cell: Cell, records: list[TrialRecord]) -> Stability:
    ended = Counter(
        (record.end.state, record.boot is not None)
        for record in records
        if record.end.state in ("crashed", "hung")
    )
    crashed = ended["crashed", True]
    errors: Counter[str] = Counter()
    for record in records:
        errors.update(record.load.errors if record.load else {})
    requests = sum(record.load.requests for record in records if record.load)
    low, high = poisson_rate_interval(crashed, requests / _MILLION)
    return Stability(
        cell=cell,
        boots=len(records),
        never_answered=ended["crashed", False] + ended["hung", False],
        crashed=crashed,
        hung=ended["hung", True],
        requests=requests,
        errors={kind: count for kind, count in sorted(errors.items()) if count},
        rate_per_million=crashed / requests * _MILLION if requests else None,
        low_per_million=low,
        high_per_million=high,
    )
