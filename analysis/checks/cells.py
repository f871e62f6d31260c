"""What the boots of a cell must show together before the cell is compared, and what is only cautioned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from analysis.checks.steady_state import SHORTEST_S, Kind, Steadiness, too_short
from analysis.estimates import CONFIDENCE
from analysis.estimates.block_table import BlockTable
from analysis.estimates.ratio import MINIMUM_BOOTS, RatioInterval
from analysis.records.cells import CellKey, CellTrials
from analysis.records.metrics import THROUGHPUT, right_answers
from contracts.control import arm_booted
from contracts.workload import split_service

Severity = Literal["damaged", "excluded", "caution"]

FLAT_LIMIT = 1.05
_BOOTS_TO_EXCLUDE = 5
_FLAT_LANGUAGES = 3
# A second of the log may straddle either end of the window, and the record's rate is rounded.
_STRADDLING_SECONDS, _ROUNDING = 2.0, 0.01
_CONSEQUENCE: Mapping[Kind, str] = {
    "too short": "ratios of its load decide nothing",
    "rising": "ratios of its load decide nothing",
    "falling": "ratios of its load decide nothing",
    "undecided": "intervals are widened by half of that before anything is decided",
}


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: its name.
        severity: ``damaged`` input; ``excluded`` from every comparison; or a ``caution`` that is shown
            beside the figures.
        subject: a file, a trial or a cell, as people name it.
        what: the fault, in words.
        slugs: the cells that are excluded or cautioned as a whole.
    """

    check: str
    severity: Severity
    subject: str
    what: str
    slugs: tuple[str, ...] = ()


def few_boots(cells: Sequence[CellTrials]) -> list[Finding]:
    """Cells whose boots are too few for an interval."""
    return [
        Finding(
            "boots",
            "caution",
            _name(cell.cell),
            f"{len(cell.trials)} boot counts, an interval needs {MINIMUM_BOOTS}: insufficient",
        )
        for cell in cells
        if 0 < len(cell.trials) < MINIMUM_BOOTS
    ]


@dataclass(frozen=True)
class Control:
    """One cell against itself: the ratio of two sets of its boots, and which sets these are."""

    cell: CellTrials
    ratio: RatioInterval
    sets: str


def a_against_a(cells: Sequence[CellTrials], second_sets: Sequence[CellTrials] = ()) -> list[Finding]:
    """The negative control: two sets of boots of the same thing, which must not differ.

    Each of the m cells is tested at 5 % / m (Bonferroni), so that a sound campaign is reported in at most one
    case of twenty. With fewer than five boots in a set this is a caution only: where boots fall into two
    modes, three of one and three of the other are no rarity.
    """
    found = controls(cells, second_sets)
    findings = []
    for control in found:
        low, high = control.ratio.ends(1 - (1 - CONFIDENCE) / len(found))
        if low > 1 or high < 1:
            what = (
                f"A/A: {control.sets} give {control.ratio.ratio:.3f} "
                f"({low:.3f} to {high:.3f}), though both are the same arm"
            )
            enough = min(control.ratio.boots_other, control.ratio.boots_base) >= _BOOTS_TO_EXCLUDE
            severity: Severity = "excluded" if enough else "caution"
            cell = control.cell.cell
            findings.append(Finding("a/a", severity, _name(cell), what, (cell.slug,)))
    return findings


def controls(cells: Sequence[CellTrials], second_sets: Sequence[CellTrials] = ()) -> list[Control]:
    """What each cell is compared with, where there are boots enough.

    The cell's second set of boots where the study names a control (``second_sets``); else its own of even
    blocks against those of odd ones, which alternate in time.
    """
    known = {
        (arm_booted(second_set.cell.arm), second_set.cell.setting): second_set for second_set in second_sets
    }
    table = BlockTable((*cells, *second_sets), THROUGHPUT)
    found = []
    for cell in cells:
        second_set = known.get((cell.cell.arm, cell.cell.setting))
        if second_set is not None:
            ratio, sets = table.ratio(cell, second_set), "its boots against those of its control"
        else:
            ratio, sets = table.halves(cell), "its even blocks against its odd ones"
        if ratio and min(ratio.boots_other, ratio.boots_base) >= MINIMUM_BOOTS:
            found.append(Control(cell, ratio, sets))
    return found


def unsteady_windows(
    cells: Sequence[CellTrials],
    steadiness: Mapping[str, Steadiness],
    of_cells: Mapping[str, Steadiness],
) -> list[Finding]:
    """Trials whose window is too short to judge or not steady, and cells that therefore decide nothing.

    ``steadiness`` by trial id, ``of_cells`` by slug.
    """
    findings = []
    for cell in cells:
        judged = of_cells.get(cell.cell.slug)
        if judged and judged.kind != "steady":
            what = f"{describe(judged)}; {_CONSEQUENCE[judged.kind]}"
            findings.append(Finding("steady", "caution", _name(cell.cell), what, (cell.cell.slug,)))
        for trial_id in cell.ids:
            found = steadiness.get(trial_id, too_short())
            if found.kind in ("too short", "rising", "falling"):
                findings.append(Finding("steady", "caution", f"trial {trial_id}", describe(found)))
    return findings


def describe(found: Steadiness) -> str:
    """What the seconds of a window show."""
    if found.kind == "too short":
        return f"the measured window is too short to judge: it needs {SHORTEST_S} s with a log"
    change = f"{_percent(found.change)} (90 % interval {_percent(found.low)} to {_percent(found.high)})"
    if found.kind == "undecided":
        return f"whether the window is steady is undecided: its second half differs by {change}"
    return f"the window is {found.kind}: its second half differs from the first by {change}"


def _percent(change: float) -> str:
    return f"{math.expm1(change) * 100:+.1f} %" if math.isfinite(change) else "an unknown amount"


def flat_ceiling(cells: Sequence[CellTrials]) -> list[Finding]:
    """Different services of one arm and setting that answer equally fast share a limit that is not theirs.

    Three languages or more within 5 % of the fastest are flat; other builds of one service may well be as
    fast. They do not show what the limit is, so they are cautioned; the generator's own ceiling,
    where it was calibrated, is a rule for trials.
    """
    groups: dict[tuple[object, ...], list[tuple[float, CellTrials]]] = {}
    for cell in cells:
        values = cell.values(THROUGHPUT)
        if values:
            workload, _ = split_service(cell.cell.service)
            group = groups.setdefault((workload, cell.cell.arm, *cell.cell.setting[1:]), [])
            group.append((float(np.median(values)), cell))
    findings = []
    for members in groups.values():
        fastest = max(median for median, _ in members)
        level = [cell.cell for median, cell in members if median * FLAT_LIMIT >= fastest]
        if len({split_service(cell.service)[1] for cell in level}) >= _FLAT_LANGUAGES:
            names = ", ".join(cell.service for cell in level)
            what = (
                f"the medians of {names} lie within 5 %: the path or the generator may be the limit, not they"
            )
            subject = f"{level[0].arm}, {level[0].threads} threads"
            findings.append(Finding("flat", "caution", subject, what, tuple(cell.slug for cell in level)))
    return findings


def log_disagrees(trials: pl.DataFrame, answers: Mapping[str, int]) -> list[Finding]:
    """Trials whose histograms hold another number of answers than the record states."""
    findings = []
    stated = trials.filter(pl.col("throughput_per_s") > 0).select(
        "trial_id", "throughput_per_s", right=right_answers()
    )
    for trial_id, rate, right in stated.iter_rows():
        counted = answers.get(trial_id)
        if counted is None:
            continue
        allowed = max(_ROUNDING * right + _STRADDLING_SECONDS * rate, 1)
        if abs(right - counted) > allowed:
            what = (
                f"the record states {right:,.0f} right answers in the window, its histograms hold {counted:,}"
            )
            findings.append(Finding("histogram", "caution", f"trial {trial_id}", what))
    return findings


def _name(cell: CellKey) -> str:
    size = f", {cell.parameters}" if cell.parameters else ""
    return f"{cell.service} {cell.arm}, {cell.threads} threads{size}"
