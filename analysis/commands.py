"""What each command does: read, judge, print. Figures for machines go to the output as CSV."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analysis.checks.evidence import Evidence, evidence_of
from analysis.checks.trials import RULES
from analysis.estimates.comparisons import Comparison, compare
from analysis.estimates.pairs import find_pairs
from analysis.estimates.power import boots_for, half_width, residual
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, RatioInterval
from analysis.records import tables
from analysis.records.metrics import THROUGHPUT, Metric, metrics_of
from analysis.records.results import Results, read_results
from analysis.second_process import second_process
from analysis.status import status_lines
from analysis.verdicts.sources import verdict_table, verdicts_of, verdicts_of_repetition
from contracts.errors import InputError

_HALF_WIDTHS = (0.01, 0.03, 0.05, 0.10, 0.25)
_DAMAGED = 3


@dataclass(frozen=True)
class Source:
    """A campaign that was read and judged."""

    results: Results
    evidence: Evidence


TABLES: dict[str, Callable[[Source], pl.DataFrame]] = {
    "trials": lambda source: source.evidence.trials,
    "seconds": lambda source: tables.seconds_table(source.results.latencies),
    "footprints": lambda source: tables.footprints_table(source.results),
    "percentiles": lambda source: tables.percentiles_table(source.results.latencies),
}


def read(directory: Path, second: Executor | None = None) -> Source:
    """Read and judge the campaign at ``directory``, with the help of a second process. Raises InputError."""
    results = read_results(directory, second)
    return Source(results, evidence_of(results))


def damage_code(source: Source) -> int:
    """3 where some input is damaged, each named on the error output; else 0."""
    for damage in source.results.damage:
        print(damage, file=sys.stderr)
    for finding in source.evidence.findings:
        if finding.severity == "damaged" and finding.check != "input":
            print(f"{finding.subject}: {finding.what}.", file=sys.stderr)
    return _DAMAGED if source.evidence.damaged else 0


def check(source: Source) -> int:
    """Print every rule, what fails it, and what the cells show; 1 where something does not count."""
    failed = source.evidence.trials["failed"].to_list()
    print(f"{len(failed)} trials recorded, {failed.count('')} count")
    for rule in RULES:
        amount = failed.count(rule.name)
        state = f"fails {amount}" if amount else "holds"
        print(f"  {state:<8} {rule.name}: {rule.meaning}")
    for row in source.evidence.excluded.iter_rows(named=True):
        print(f"  out      trial {row['trial_id']} {row['service']} {row['arm']}: {row['why_not']}")
    for finding in source.evidence.findings:
        print(f"  {finding.severity:<8} {finding.check}: {finding.subject}: {finding.what}")
    return int(source.evidence.excluded.height > 0 or bool(source.evidence.excluded_cells))


def table(source: Source, name: str) -> int:
    """Print one of TABLES as CSV."""
    print(TABLES[name](source).write_csv(), end="")
    return 0


def compare_arms(source: Source, key: str) -> int:
    """Print the ratios as CSV; pairs that are refused go to the error output."""
    pairs, refusals = find_pairs(source.evidence)
    for row in refusals:
        print(f"not compared: {row.cell.service}: {row.other} / {row.base}: {row.reason}", file=sys.stderr)
    metrics = [_metric(source, key)] if key else metrics_of(source.evidence.valid)
    seed = source.results.campaign.study.seed
    rows = [row for metric in metrics for row in compare(source.evidence, pairs, metric, seed)]
    print(comparison_table(rows).write_csv(), end="")
    return 0


def comparison_table(rows: Sequence[Comparison]) -> pl.DataFrame:
    """One row per pair and metric; ends of intervals that do not exist are null."""
    names = {"service": pl.String, "threads": pl.Int64, "cpus": pl.Float64, "memory_mib": pl.Int64}
    numbers = ("ratio", "low", "high", "cliffs_delta", "bootstrap_low", "bootstrap_high")
    schema = {
        **names,
        "arm": pl.String,
        "base": pl.String,
        "metric": pl.String,
        "boots": pl.Int64,
        "boots_base": pl.Int64,
        **dict.fromkeys(numbers, pl.Float64),
        "same_within_3_percent": pl.Boolean,
        "method": pl.String,
    }
    return pl.DataFrame([_comparison(row) for row in rows], schema=schema, orient="row")


def claims(source: Source) -> int:
    """Print what the campaign says of every claim."""
    print(verdict_table(verdicts_of(source.evidence)).write_csv(), end="")
    return 0


def claims_of_others() -> int:
    """Print what the maintainer's runs say of the study's claims."""
    found = [row for verdicts in verdicts_of_repetition() for row in verdicts]
    print(verdict_table(found).write_csv(), end="")
    return 0


def report(directory: Path, output: Path | None) -> int:
    """Write the report of the campaign at ``directory`` and print its path. Raises InputError."""
    # Drawing is slow to load, and no other command draws.
    from analysis.page.render import render
    from analysis.page.write import figures_folder, write_report

    path = output or directory / "report.html"
    with second_process() as second:
        source = read(directory, second)
        rendered = render(source.results, source.evidence, second, figures_folder(path))
    print(write_report(rendered, path))
    return damage_code(source)


def power(source: Source, wanted: Sequence[float] | None, key: str) -> int:
    """Print half-widths and how many boots each wanted one needs, by the blocked residual of each service."""
    metric = _metric(source, key)
    pairs, _ = find_pairs(source.evidence)
    services: dict[str, list[RatioInterval]] = {}
    for row in compare(source.evidence, pairs, metric):
        services.setdefault(row.pair.base.cell.service, []).append(row.interval)
    known = {service: found for service, rows in services.items() if (found := residual(rows))}
    if not known:
        raise InputError(
            source.results.directory,
            "",
            "no two comparable cells have two boots that count, so their variation is not known",
            "run a pilot with two boots or more of each cell",
        )
    widths = wanted or _HALF_WIDTHS
    boots = source.results.campaign.study.least_boots
    print(f"{metric.title}: boots of each arm for so wide a half of the 95 % interval, by this campaign's")
    print(f"variation (in brackets: its upper 80 % limit), and the half-width of the study's {boots} boots")
    print("".join([f"{'service':<22}", *(f"{value * 100:>14g} %" for value in widths), f"{'now':>12}"]))
    for service, found in known.items():
        cells = [
            f"{_amount(boots_for(found.spread, value))} ({_amount(boots_for(found.upper, value))})"
            for value in widths
        ]
        now = _percent(half_width(found.spread, boots))
        print("".join([f"{service:<22}", *(f"{text:>16}" for text in cells), f"{now:>12}"]))
    return 0


def status(source: Source) -> int:
    """Print where the campaign stands."""
    print("\n".join(status_lines(source.results, source.evidence)))
    return 0


def _metric(source: Source, key: str) -> Metric:
    known = {metric.key: metric for metric in metrics_of(source.evidence.valid)} | {
        THROUGHPUT.key: THROUGHPUT
    }
    if key not in known:
        raise InputError("--metric", key, "no such metric", f"one of {', '.join(known)}")
    return known[key]


def _comparison(row: Comparison) -> tuple[object, ...]:
    cell, found, second = row.pair.base.cell, row.interval, row.bootstrap
    return (
        *(cell.service, cell.threads, cell.cpus, cell.memory_mib, row.pair.other.cell.arm, cell.arm),
        *(row.metric.key, found.boots_other, found.boots_base, found.ratio),
        *((None, None) if found.insufficient else (found.low, found.high)),
        row.delta,
        *((second.low, second.high) if second else (None, None)),
        found.same_within(EQUIVALENCE_MARGIN),
        None if found.insufficient else found.method,
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _amount(boots: int | None) -> str:
    return ">100,000" if boots is None else f"{boots:,}"
