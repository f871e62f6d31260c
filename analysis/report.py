"""The report: results to one self-contained HTML page, the same bytes for the same records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from platform import python_version
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis import page_figures, page_tables, wording
from analysis.compare import Comparison, Pair, compare, find_pairs
from analysis.histograms import PERCENTILES, TrialLatency, merge, read_latency
from analysis.labels import Labels
from analysis.metrics import (
    FIRST_ANSWER,
    MEAN_RESPONSE,
    P99_RESPONSE,
    THROUGHPUT,
    footprint_metric,
    right_answers,
)
from analysis.page_tables import Table
from analysis.results import Results, footprint_kinds
from analysis.stability import stability
from analysis.statistics import MINIMUM_BOOTS, samples_needed
from contracts.arms import split_service
from contracts.trial import SCHEMA_VERSION, TrialRecord

_LIBRARIES = ("unilab", "numpy", "scipy", "hdrhistogram", "matplotlib", "pydantic", "jinja2")
# A second of the log may straddle either end of the window, and the record's rate is rounded.
_STRADDLING_SECONDS, _ROUNDING = 2.0, 0.01


@dataclass(frozen=True)
class _Histograms:
    """Latencies by trial id, merged windows by cell slug, and what is wrong with them."""

    by_trial: Mapping[str, TrialLatency]
    by_cell: Mapping[str, Any]
    warnings: tuple[str, ...]


def render(results: Results, directory: Path) -> str:
    """The page of the campaign read from ``directory``. Raises InputError for a spoilt histogram."""
    environment = Environment(
        loader=PackageLoader("analysis"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["count"] = wording.count
    template = environment.get_template("report.html.j2")
    return template.render(_context(results, _histograms(results, directory)), results=results)


def _context(results: Results, histograms: _Histograms) -> dict[str, Any]:
    study = results.campaign.study
    labels = Labels(cell.cell for cell in results.cells)
    pairs, refusals = find_pairs(results)
    memory = [footprint_metric(*kind) for kind in footprint_kinds(results.cells)]
    metrics = (THROUGHPUT, MEAN_RESPONSE, P99_RESPONSE, FIRST_ANSWER, *memory)
    comparisons = {metric.key: compare(pairs, metric) for metric in metrics}
    throughput = comparisons[THROUGHPUT.key]
    return {
        "campaign": results.campaign,
        "study": study,
        "accelerators": wording.accelerator_names(results),
        "cautions": wording.accelerator_cautions(results),
        "completeness": wording.completeness(results),
        "common_setting": labels.common(results.cells[0].cell) if results.cells else "",
        "sorts": any(split_service(name)[0] == "bubble_sort" for name in study.services),
        "arms": [(name, wording.arm(name)) for name in study.arms],
        "findings": _findings(throughput, labels),
        "digest": wording.digest(throughput),
        "outcome": wording.outcome(throughput),
        "figures": page_figures.all_figures(
            results.cells, histograms.by_trial, histograms.by_cell, throughput, labels
        ),
        "overview": page_tables.means_of_everything(results.cells, labels),
        "latency": page_tables.latency_table(results.cells, histograms.by_cell, labels),
        "kinds": page_tables.kinds_table(results.cells),
        "memory": page_tables.cell_means(results.cells, memory, labels) if memory else None,
        "ratios": _ratio_tables(comparisons, labels),
        "refusals": page_tables.refusal_table(refusals, labels),
        "notes": _notes(pairs, labels),
        "not_run": page_tables.not_run_table(results.campaign),
        "excluded": page_tables.excluded_table(results, labels),
        "warnings": histograms.warnings,
        "stability": page_tables.stability_table(stability(results), labels),
        "trials": page_tables.trials_table(results, labels),
        "caps": page_tables.caps_table(results.cells, labels),
        "instances": page_tables.instance_table(results.cells, labels),
        "hosts": page_tables.host_table(results),
        "study_yaml": yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        "schema_version": SCHEMA_VERSION,
        "minimum_boots": MINIMUM_BOOTS,
        "percentile_rules": [(f"p{value:g}", samples_needed(value)) for value in PERCENTILES],
        "software": [("python", python_version()), *((name, version(name)) for name in _LIBRARIES)],
    }


def _histograms(results: Results, directory: Path) -> _Histograms:
    by_trial: dict[str, TrialLatency] = {}
    warnings = []
    for trial in results.trials:
        load = trial.record.load
        if load is None:
            continue
        path = trial.folder / load.histogram
        if not path.is_file():
            warnings.append(
                f"Trial {trial.record.id}: {path.relative_to(directory)} is missing, so the trial counts in "
                "throughput and ratios but not in the latency distribution."
            )
            continue
        by_trial[trial.record.id] = read_latency(path, load)
        warnings += _disagreement(trial.record, by_trial[trial.record.id])
    by_cell = {}
    for cell in results.cells:
        windows = [by_trial[record.id].window for record in cell.trials if record.id in by_trial]
        if windows:
            by_cell[cell.cell.slug] = merge(windows)
    return _Histograms(by_trial, by_cell, tuple(warnings))


def _disagreement(record: TrialRecord, latency: TrialLatency) -> list[str]:
    """A warning where the histograms hold another number of answers than the record states."""
    if record.load is None:
        return []
    stated, counted = right_answers(record), latency.window.get_total_count()
    allowed = _ROUNDING * stated + _STRADDLING_SECONDS * record.load.throughput_per_s
    if abs(stated - counted) <= max(allowed, 1):
        return []
    return [
        f"Trial {record.id}: the record states {stated:,} right answers in the window, its histograms hold "
        f"{counted:,}. Do not rely on this trial's latency before the difference is explained."
    ]


def _findings(comparisons: list[Comparison], labels: Labels) -> list[tuple[str, list[str]]]:
    """Sentences by service and setting, in the study's order."""
    return [
        (service, [wording.finding(row) for row in rows])
        for service, rows in groupby(comparisons, key=lambda row: labels.service(row.pair.base.cell))
    ]


def _notes(pairs: list[Pair], labels: Labels) -> list[tuple[str, list[str]]]:
    """Each note with the services and settings that it holds for."""
    services: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.note:
            services.setdefault(pair.note, []).append(labels.service(pair.base.cell))
    return list(services.items())


def _ratio_tables(comparisons: dict[str, list[Comparison]], labels: Labels) -> list[tuple[str, Table]]:
    """Title and table of every metric that any pair has."""
    return [
        (rows[0].metric.title, page_tables.ratio_table(rows, labels)) for rows in comparisons.values() if rows
    ]
