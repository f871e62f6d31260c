"""Tables of counted work: where the difference between two arms comes from, and a bracket."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl

from analysis.estimates.comparisons import Comparison
from analysis.estimates.pairs import Pair
from analysis.estimates.ratio import geometric_mean
from analysis.formatting import NOTHING, count, interval, number, ratio
from analysis.page.labels import Labels
from analysis.page.tables import Column, Table
from analysis.records.cells import CellTrials
from analysis.records.metrics import WORK_METRICS

_BY_KEY = {metric.key: metric for metric in WORK_METRICS}
TOTAL, ENTRIES = "instructions_per_request", "nested_entries_per_request"
PARTS = ("application_per_request", "kernel_per_request", "host_per_request")
# Extra cycles of a system call and of an exit to the hypervisor: none, a light one, a heavy one.
_CALL_CYCLES, _EXIT_CYCLES = (0, 100, 1000), (0, 1000, 5000)
_EXITS = ("port_io_per_request", "msr_writes_per_request", "halts_per_request")

Comparisons = Mapping[str, Sequence[Comparison]]


def difference_table(comparisons: Comparisons, labels: Labels) -> Table | None:
    """Where the difference between two arms comes from: each count's difference per request and ratio."""
    columns = [Column("service"), Column("arms"), Column("count")]
    titles = ("first arm", "second arm", "difference", "share of it", "ratio", "95 % interval")
    columns += [Column(title, "number") for title in titles]
    known = {(key, id(row.pair)): row for key in _BY_KEY for row in comparisons.get(key, ())}
    order = (TOTAL, *PARTS, *(key for key in _BY_KEY if key not in (TOTAL, *PARTS)))
    rows = [
        found
        for comparison in comparisons.get(TOTAL, ())
        for key in order
        if (found := _difference(key, comparison.pair, known.get((key, id(comparison.pair))), labels))
    ]
    return Table(columns, rows) if rows else None


def _difference(key: str, pair: Pair, row: Comparison | None, labels: Labels) -> list[str] | None:
    """One count of two arms; None where one was not counted, or neither has any."""
    metric, other, base = _BY_KEY[key], mean_of(pair.other, key), mean_of(pair.base, key)
    if other is None or base is None or not (other or base):
        return None
    whole = (mean_of(pair.other, TOTAL) or 0.0) - (mean_of(pair.base, TOTAL) or 0.0)
    share = f"{(other - base) / whole * 100:.0f} %" if key in PARTS and whole else NOTHING
    unit = "" if metric.unit == "1" else f" ({metric.unit})"
    return [
        labels.service(pair.base.cell),
        f"{pair.other.cell.arm} / {pair.base.cell.arm}",
        f"{metric.title}{unit}",
        *(number(value) for value in (other, base, other - base)),
        share,
        ratio(row.interval.ratio) if row else NOTHING,
        interval(row.interval) if row else NOTHING,
    ]


def bracket_table(comparisons: Comparisons, labels: Labels) -> Table | None:
    """The ratio of work, were each system call and each exit to a hypervisor dearer by so many cycles."""
    prices = [(call, leave) for call in _CALL_CYCLES for leave in _EXIT_CYCLES]
    columns = [Column("service"), Column("arms")]
    columns += [Column(f"call {call}, exit {leave}", "number") for call, leave in prices]
    rows = []
    for comparison in comparisons.get(TOTAL, ()):
        pair = comparison.pair
        sides, nested = (pair.other, pair.base), _on_server(pair)
        costs = [[_cost(side, call, leave, nested=nested) for side in sides] for call, leave in prices]
        names = [labels.service(pair.base.cell), f"{pair.other.cell.arm} / {pair.base.cell.arm}"]
        rows.append([*names, *(ratio(other / base) for other, base in costs)])
    return Table(columns, rows) if rows else None


def omitted_seconds(trials: pl.DataFrame) -> str:
    """How many seconds of the windows were not counted; "" for none."""
    known = trials.filter(pl.col("work_seconds_omitted") > 0)
    if known.is_empty():
        return ""
    seconds = int(known["work_seconds_omitted"].sum())
    arms = ", ".join(known["arm"].unique(maintain_order=True).to_list())
    return (
        f"{count(seconds, 'second')} of {count(len(known), 'window')} ({arms}) were omitted, for other "
        "programs of the container's host worked in them."
    )


def _on_server(pair: Pair) -> bool:
    """Whether a whole server was counted, so that entries into its guest are counted themselves."""
    return any(mean_of(side, ENTRIES) for side in (pair.other, pair.base))


def _cost(cell: CellTrials, call_cycles: int, exit_cycles: int, *, nested: bool) -> float:
    """Instructions per request, one cycle each, and the extra cycles.

    ``nested``: exits are the entries into a guest; a container on the server has none. Else they are the
    instructions that cause one.
    """
    instructions = 1000 * (mean_of(cell, TOTAL) or 0.0)
    calls = mean_of(cell, "system_calls_per_request") or 0.0
    exits = sum(mean_of(cell, key) or 0.0 for key in ((ENTRIES,) if nested else _EXITS))
    return instructions + call_cycles * calls + exit_cycles * exits


def mean_of(cell: CellTrials, key: str) -> float | None:
    """Geometric mean over boots, arithmetic where a boot has none; None where nothing was counted."""
    values = _BY_KEY[key].counted(cell.trials)
    if not values:
        return None
    return geometric_mean(values) if min(values) > 0 else math.fsum(values) / len(values)
