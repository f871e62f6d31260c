"""Checked trials: what every estimate, verdict and page starts from, whoever measured them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from analysis.checks import cells as check_cells
from analysis.checks import work as check_work
from analysis.checks.cells import Finding
from analysis.checks.steady_state import Steadiness, steadiness_of_cell, steadiness_of_each, too_short
from analysis.checks.trials import judge
from analysis.formatting import count
from analysis.records import tables
from analysis.records.cells import CellKey, CellTrials
from analysis.records.latency import window_rates
from analysis.records.metrics import Metric
from analysis.records.results import Results
from analysis.records.work import CountedSeconds, counted_seconds, work_rates
from contracts.arms import known_arms
from contracts.cell import Cell
from contracts.control import arm_booted, is_again


@dataclass(frozen=True)
class Evidence:
    """The trials of one source, judged.

    Attributes:
        source: who measured: a campaign's name, or the publication of others.
        trials: tables.TRIAL_SCHEMA, with ``failed`` and ``why_not`` ("" where a trial counts).
        cells: every planned cell with the trials that count, in the study's order, then the arms'.
        controls: the same of the arm that the study boots twice, under its second name: compared with
            itself, and with nothing else.
        findings: what the checks found.
        steadiness: of each trial that has a log, by trial id.
        steadiness_of_cells: of all boots of a cell together, by slug; empty for a source without seconds.
        window_rates: answers per second of each second of the measured window, by trial id.
        counted_seconds: of trials whose work was counted second by second, by trial id.
        arms_not_run: arms that this laboratory could not run: no reason to refuse their pairs one by one.
    """

    source: str
    trials: pl.DataFrame
    cells: tuple[CellTrials, ...]
    findings: tuple[Finding, ...]
    steadiness: Mapping[str, Steadiness]
    window_rates: Mapping[str, Sequence[float]]
    arms_not_run: frozenset[str] = frozenset()
    controls: tuple[CellTrials, ...] = ()
    steadiness_of_cells: Mapping[str, Steadiness] = field(default_factory=dict)
    counted_seconds: Mapping[str, CountedSeconds] = field(default_factory=dict)

    @cached_property
    def every_cell(self) -> tuple[CellTrials, ...]:
        """Cells and controls: all boots that share the blocks."""
        return (*self.cells, *self.controls)

    @cached_property
    def valid(self) -> pl.DataFrame:
        """The trials that count."""
        return self.trials.filter(pl.col("why_not") == "")

    @cached_property
    def excluded(self) -> pl.DataFrame:
        """The trials that ran and do not count."""
        return self.trials.filter(pl.col("why_not") != "")

    @cached_property
    def excluded_cells(self) -> dict[str, str]:
        """Slug of every cell that is not compared as a whole, and why."""
        return {slug: row.what for row in self.findings if row.severity == "excluded" for slug in row.slugs}

    @cached_property
    def flat_cells(self) -> frozenset[str]:
        """Slug of every cell whose throughput may be that of the path or the generator."""
        return frozenset(slug for row in self.findings if row.check == "flat" for slug in row.slugs)

    def allowance(self, metric: Metric, *cells: CellTrials) -> float:
        """Largest bias that the windows of ``cells`` leave open in a ratio of ``metric``, as a logarithm."""
        if not metric.of_window:
            return 0.0
        known = (self.steadiness_of_cells.get(row.cell.slug) for row in cells)
        return sum(found.allowance for found in known if found)

    @property
    def damaged(self) -> bool:
        """Whether some input could not be used, or is wrong."""
        return any(row.severity == "damaged" for row in self.findings)


def evidence_of(results: Results) -> Evidence:
    """Tables and checks of a campaign."""
    trials = judge(tables.trials_table(results))
    every = _cells(results, trials)
    cells = tuple(row for row in every if not is_again(row.cell.arm))
    controls = tuple(row for row in every if is_again(row.cell.arm))
    windows = trials.filter(pl.col("window_s").is_not_null()).select("trial_id", "window_s").iter_rows()
    rates = {
        trial_id: window_rates(results.latencies[trial_id], window_s)
        for trial_id, window_s in windows
        if trial_id in results.latencies
    }
    steadiness = steadiness_of_each(rates | work_rates(results, rates))
    of_cells = {row.cell.slug: _of_cell(row, steadiness) for row in every if len(row.trials)}
    answers = {trial_id: latency.window.total for trial_id, latency in results.latencies.items()}
    findings = (
        *_damaged_input(results),
        *_damaged_clocks(trials),
        *check_cells.a_against_a(cells, controls),
        *check_cells.unsteady_windows(cells, steadiness, of_cells),
        *_without_steady_state(results, cells),
        *check_cells.few_boots(cells),
        *check_cells.flat_ceiling(cells),
        *check_cells.log_disagrees(trials, answers),
        *check_work.same_application_work(cells),
        *check_work.unsaturated(cells),
    )
    missing = frozenset(row.arm for row in results.campaign.not_run)
    return Evidence(
        results.campaign.name,
        trials,
        cells,
        findings,
        steadiness,
        rates,
        missing,
        controls,
        of_cells,
        counted_seconds(results, rates),
    )


def _without_steady_state(results: Results, cells: Sequence[CellTrials]) -> list[Finding]:
    """Cells whose pilots were not steady before they ended: no length of warm-up is known to be enough."""
    unsteady = {row.cell: row for row in results.warm_ups if not row.steady}
    return [
        Finding(
            "steady",
            "excluded",
            row.cell.slug,
            f"no steady state in {count(unsteady[row.cell.slug].pilots, 'pilot')}",
            (row.cell.slug,),
        )
        for row in cells
        if row.cell.slug in unsteady
    ]


def _of_cell(cell: CellTrials, steadiness: Mapping[str, Steadiness]) -> Steadiness:
    """A trial without a log was not judged, like one whose window is too short."""
    return steadiness_of_cell([steadiness.get(trial_id, too_short()) for trial_id in cell.ids])


def _damaged_input(results: Results) -> list[Finding]:
    """File names are relative to the campaign's folder, so that the report does not depend on its place."""
    inside = f"{results.directory}/"
    return [
        Finding("input", "damaged", str(row.path).removeprefix(inside), row.problem.replace(inside, ""))
        for row in results.damage
    ]


def _damaged_clocks(trials: pl.DataFrame) -> list[Finding]:
    rows = trials.filter(pl.col("failed") == "clock").select("trial_id", "why_not").iter_rows()
    return [Finding("clock", "damaged", f"trial {trial_id}", why) for trial_id, why in rows]


def _cells(results: Results, trials: pl.DataFrame) -> tuple[CellTrials, ...]:
    """Every planned cell, by service in the study's order, then by arm: unilab's own first."""
    study = results.campaign.study
    known = known_arms()
    arms = [*known, *sorted({arm_booted(trial.cell.arm) for trial in results.campaign.trials} - set(known))]
    planned = sorted(
        {trial.cell for trial in results.campaign.trials},
        key=lambda cell: (
            study.services.index(cell.service),
            cell.threads,
            cell.cpus,
            cell.memory_mib,
            arms.index(arm_booted(cell.arm)),
        ),
    )
    recorded = trials.partition_by(tables.CELL_KEYS, as_dict=True)
    missing = {row.arm for row in results.campaign.not_run}
    return tuple(_cell_trials(cell, recorded, trials, missing) for cell in planned)


def _cell_trials(
    cell: Cell, recorded: Mapping[tuple[object, ...], pl.DataFrame], trials: pl.DataFrame, missing: set[str]
) -> CellTrials:
    key = CellKey.of(cell)
    found = recorded.get(tuple(getattr(key, name) for name in tables.CELL_KEYS), trials.clear())
    valid = found.filter(pl.col("why_not") == "")
    if len(valid):
        state = ""
    elif len(found):
        state = "no valid trial"
    else:
        state = "not run" if cell.arm in missing else "still to do"
    return CellTrials(key, valid, state)
