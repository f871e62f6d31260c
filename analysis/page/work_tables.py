"""Tables of counted work: where the difference between two arms comes from, and a bracket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.estimates.comparisons import Comparison
from analysis.estimates.ratio import geometric_mean
from analysis.formatting import NOTHING, interval, number, ratio
from analysis.page.labels import Labels
from analysis.page.tables import Column, Table
from analysis.records.cells import CellTrials
from analysis.records.metrics import WORK_METRICS

_BY_KEY = {metric.key: metric for metric in WORK_METRICS}
TOTAL, PARTS = "instructions_per_request", ("application_per_request", "kernel_per_request")
# Extra cycles of a system call and of an exit to the hypervisor: none, a light one, a heavy one.
_CALL_CYCLES, _EXIT_CYCLES = (0, 100, 1000), (0, 1000, 5000)
_EXITS = ("port_io_per_request", "msr_writes_per_request", "halts_per_request")

Comparisons = Mapping[str, Sequence[Comparison]]


def difference_table(comparisons: Comparisons, labels: Labels) -> Table | None:
    """Where the difference between two arms comes from: each count's difference per request and ratio."""
    columns = [Column("service"), Column("arms"), Column("count")]
    columns += [
        Column(title, "number") for title in ("first", "second", "difference", "ratio", "95 % interval")
    ]
    rows = []
    for comparison in comparisons.get(TOTAL, ()):
        pair = comparison.pair
        for key in (TOTAL, *PARTS, *(key for key in _BY_KEY if key not in (TOTAL, *PARTS))):
            row = next((row for row in comparisons.get(key, ()) if row.pair is pair), None)
            other, base = mean_of(pair.other, key), mean_of(pair.base, key)
            if other is None or base is None:
                continue
            metric = _BY_KEY[key]
            unit = "" if metric.unit == "1" else f" ({metric.unit})"
            rows.append(
                [
                    labels.service(pair.base.cell),
                    f"{pair.other.cell.arm} / {pair.base.cell.arm}",
                    f"{metric.title}{unit}",
                    *(number(value) for value in (other, base, other - base)),
                    ratio(row.interval.ratio) if row else NOTHING,
                    interval(row.interval) if row else NOTHING,
                ]
            )
    return Table(columns, rows) if rows else None


def bracket_table(comparisons: Comparisons, labels: Labels) -> Table | None:
    """The ratio of work, were each system call and each exit to a hypervisor dearer by so many cycles."""
    prices = [(call, leave) for call in _CALL_CYCLES for leave in _EXIT_CYCLES]
    columns = [Column("service"), Column("arms")]
    columns += [Column(f"call {call}, exit {leave}", "number") for call, leave in prices]
    rows = []
    for comparison in comparisons.get(TOTAL, ()):
        pair = comparison.pair
        costs = [(_cost(pair.other, call, leave), _cost(pair.base, call, leave)) for call, leave in prices]
        names = [labels.service(pair.base.cell), f"{pair.other.cell.arm} / {pair.base.cell.arm}"]
        rows.append([*names, *(ratio(other / base) for other, base in costs)])
    return Table(columns, rows) if rows else None


def _cost(cell: CellTrials, call_cycles: int, exit_cycles: int) -> float:
    """Instructions per request, one cycle each, and the extra cycles."""
    instructions = 1000 * (mean_of(cell, TOTAL) or 0.0)
    calls = mean_of(cell, "system_calls_per_request") or 0.0
    exits = sum(mean_of(cell, key) or 0.0 for key in _EXITS)
    return instructions + call_cycles * calls + exit_cycles * exits


def mean_of(cell: CellTrials, key: str) -> float | None:
    """Geometric mean over boots; None where no boot has a value above 0."""
    values = cell.values(_BY_KEY[key])
    return geometric_mean(values) if values else None
