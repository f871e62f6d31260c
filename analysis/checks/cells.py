"""What the boots of a cell must show together before the cell is compared, and what is only cautioned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from analysis.checks.steady_state import SHORTEST_S, WarmUp
from analysis.estimates import CONFIDENCE
from analysis.estimates.block_table import BlockTable
from analysis.estimates.ratio import MINIMUM_BOOTS, RatioInterval
from analysis.records.cells import CellKey, CellTrials
from analysis.records.metrics import THROUGHPUT, right_answers
from contracts.control import arm_booted
from contracts.workload import split_service

Severity = Literal["damaged", "excluded", "caution"]

FLAT_LIMIT = 1.05
_BOOTS_TO_BLAME = 5
_FLAT_LANGUAGES = 3
# A second of the log may straddle either end of the window, and the record's rate is rounded.
_STRADDLING_SECONDS, _ROUNDING = 2.0, 0.01


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: its name.
        severity: ``damaged`` input; ``excluded`` from every comparison; or a ``caution`` that stands
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


def a_against_a(cells: Sequence[CellTrials], twins: Sequence[CellTrials] = ()) -> list[Finding]:
    """The negative control: two sets of boots of the same thing, which must not differ.

    Each of the m cells is tested at 5 % / m (Bonferroni), so that a sound campaign is blamed in at most one
    case of twenty. With fewer than five boots in a set this is a caution only: where boots fall into two
    modes, three of one and three of the other are no rarity.
    """
    found = controls(cells, twins)
    findings = []
    for control in found:
        low, high = control.ratio.ends(1 - (1 - CONFIDENCE) / len(found))
        if low > 1 or high < 1:
            what = (
                f"A/A: {control.sets} give {control.ratio.ratio:.3f} "
                f"({low:.3f} to {high:.3f}), though both are the same arm"
            )
            enough = min(control.ratio.boots_other, control.ratio.boots_base) >= _BOOTS_TO_BLAME
            severity: Severity = "excluded" if enough else "caution"
            cell = control.cell.cell
            findings.append(Finding("a/a", severity, _name(cell), what, (cell.slug,)))
    return findings


def controls(cells: Sequence[CellTrials], twins: Sequence[CellTrials] = ()) -> list[Control]:
    """What each cell is compared with, where there are boots enough.

    The cell's second set of boots, ``twins``, where the study names a control; else its own boots of even
    blocks against those of odd ones, which alternate in time.
    """
    known = {(arm_booted(twin.cell.arm), twin.cell.setting): twin for twin in twins}
    table = BlockTable((*cells, *twins), THROUGHPUT)
    found = []
    for cell in cells:
        twin = known.get((cell.cell.arm, cell.cell.setting))
        if twin is not None:
            ratio, sets = table.ratio(cell, twin), "its boots against those of its control"
        else:
            ratio, sets = table.halves(cell), "its even blocks against its odd ones"
        if ratio and min(ratio.boots_other, ratio.boots_base) >= MINIMUM_BOOTS:
            found.append(Control(cell, ratio, sets))
    return found


def no_steady_state(cells: Sequence[CellTrials], warm_ups: Mapping[str, WarmUp]) -> list[Finding]:
    """Cells most of whose boots never became steady have no steady throughput to compare."""
    findings = []
    for cell in cells:
        kinds = Counter(warm_ups[trial_id].kind for trial_id in cell.ids if trial_id in warm_ups)
        judged = kinds.total() - kinds["too short"]
        unsteady = kinds["no steady state"]
        if judged and unsteady > judged / 2:
            what = f"{unsteady} of {judged} boots reached no steady state in the measured window"
            findings.append(Finding("steady", "excluded", _name(cell.cell), what, (cell.cell.slug,)))
        elif kinds["warm-up"] or kinds["slow-down"] or unsteady:
            parts = [f"{amount} {kind}" for kind, amount in kinds.items()]
            what = f"boots by class: {', '.join(parts)}; the measured window holds more than the steady state"
            findings.append(Finding("steady", "caution", _name(cell.cell), what))
    short = sum(warm_up.kind == "too short" for warm_up in warm_ups.values())
    if short:
        what = (
            f"{short} of {len(warm_ups)} windows are shorter than {SHORTEST_S} s: warm-up cannot be detected"
        )
        findings.append(Finding("steady", "caution", "the campaign", what))
    return findings


def flat_ceiling(cells: Sequence[CellTrials]) -> list[Finding]:
    """Different services of one arm and setting that answer equally fast share a limit that is not theirs.

    Three languages or more within 5 % of the fastest are flat; other builds of one service may well be as
    fast. What the limit is cannot be told from them, so they are cautioned; the generator's own ceiling,
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
    size = f", n {cell.array_length}" if cell.array_length else ""
    return f"{cell.service} {cell.arm}, {cell.threads} threads{size}"
