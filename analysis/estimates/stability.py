"""How each cell held up: boots, errors, hangs, and crashes per million requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from analysis.estimates.rate import poisson_rate_interval
from analysis.records.cells import CellKey
from analysis.records.tables import CELL_KEYS

MILLION = 1_000_000


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

    cell: CellKey
    boots: int
    never_answered: int
    crashed: int
    hung: int
    requests: int
    errors: Mapping[str, int]
    rate_per_million: float | None
    low_per_million: float
    high_per_million: float


def stability(trials: pl.DataFrame) -> list[Stability]:
    """One row per cell that has a recorded boot, in the table's order."""
    groups = trials.partition_by(CELL_KEYS, as_dict=True, maintain_order=True)
    rows = [_of_cell(CellKey(*key), rows) for key, rows in groups.items()]
    return sorted(rows, key=lambda row: (row.cell.setting[0], str(row.cell.setting[1:]), row.cell.arm))


def _of_cell(cell: CellKey, trials: pl.DataFrame) -> Stability:
    answered = pl.col("first_answer_ms").is_not_null()
    crashed, hung, never = (
        trials.filter(condition).height
        for condition in (
            (pl.col("end") == "crashed") & answered,
            (pl.col("end") == "hung") & answered,
            pl.col("end").is_in(["crashed", "hung"]) & ~answered,
        )
    )
    requests = int(trials["requests"].sum() or 0)
    kinds = [column for column in trials.columns if column.startswith("errors_")]
    errors = {kind.removeprefix("errors_"): int(trials[kind].sum() or 0) for kind in kinds}
    low, high = poisson_rate_interval(crashed, requests / MILLION)
    return Stability(
        cell=cell,
        boots=trials.height,
        never_answered=never,
        crashed=crashed,
        hung=hung,
        requests=requests,
        errors={kind: count for kind, count in errors.items() if count},
        rate_per_million=crashed / requests * MILLION if requests else None,
        low_per_million=low,
        high_per_million=high,
    )
