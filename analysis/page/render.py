"""The report: evidence to one self-contained HTML page, the same bytes for the same records."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version
from typing import Any

import polars as pl
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis import formatting
from analysis.checks.evidence import Evidence
from analysis.estimates.bootstrap import MINIMUM_BOOTS_FOR_BOOTSTRAP
from analysis.estimates.comparisons import Comparison, compare
from analysis.estimates.memory_break_even import break_even_rows
from analysis.estimates.pairs import Pair, find_pairs
from analysis.estimates.rank import samples_needed
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, MINIMUM_BOOTS
from analysis.estimates.stability import stability
from analysis.page import claim_tables, figures, wording, work_section
from analysis.page import tables as page_tables
from analysis.page.labels import Labels
from analysis.page.plots.drawing import Drawing
from analysis.page.plots.style import Drawn, palette
from analysis.page.principles import principles_table
from analysis.page.study_figures import study_figures
from analysis.page.tables import Table
from analysis.records import hdr, tables
from analysis.records.hdr import Histogram
from analysis.records.latency import PERCENTILES
from analysis.records.metrics import THROUGHPUT, memory_kinds, memory_metric, metrics_of
from analysis.records.results import Results
from analysis.verdicts.claims import MAINTAINER, STUDY
from analysis.verdicts.headline import Decision, headline
from analysis.verdicts.sources import verdicts_of, verdicts_of_repetition
from contracts.trial import SCHEMA_VERSION
from contracts.workload import split_service

_LIBRARIES = ("unilab", "numpy", "scipy", "polars", "matplotlib", "pydantic", "jinja2")


@dataclass(frozen=True)
class Report:
    """The page, and beside it every figure and the table of trials as data."""

    page: str
    figures: tuple[Drawn, ...]
    trials: pl.DataFrame


def render(results: Results, evidence: Evidence, second: Executor) -> Report:
    """The report of one campaign.

    Args:
        results: the campaign as it was read.
        evidence: the same, tabled and checked.
        second: the process that draws while this one computes.
    """
    environment = Environment(
        loader=PackageLoader("analysis.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["count"] = formatting.count
    template = environment.get_template("report.html.j2")
    windows = cell_windows(results, evidence)
    labels = Labels(row.cell for row in evidence.cells)
    drawing = Drawing(second)
    drawing.begin(figures.cell_figures(evidence.cells, results.latencies, windows, labels))
    drawing.begin(study_figures(evidence.cells, windows, labels))
    pairs, refusals = find_pairs(evidence)
    comparisons = {
        metric.key: compare(evidence, pairs, metric, results.campaign.study.seed)
        for metric in metrics_of(evidence.valid)
    }
    throughput = comparisons[THROUGHPUT.key]
    study, running = results.campaign.study, bool(results.to_do)
    decisions = headline(study, evidence, comparisons, running=running)
    break_evens = break_even_rows(pairs, results.campaign.study.seed)
    ours, others = verdicts_of(evidence), verdicts_of_repetition()
    of_study, repeated = (
        [[row for row in verdicts if row.claim.claimed_by == whose] for verdicts in (ours, *others)]
        for whose in (STUDY, MAINTAINER)
    )
    context = {
        **_facts(results, evidence, labels),
        **_tables(results, evidence, windows, labels),
        "palette": palette(),
        "findings": _findings(decisions, labels),
        "digest": wording.digest(decisions),
        "outcome": wording.outcome(decisions),
        "headline": study.headline_against,
        "ratios": _ratio_tables(comparisons, evidence, decisions, labels, running=running),
        "refusals": page_tables.refusal_table(refusals, labels),
        "notes": _notes(pairs, labels),
        "work_difference": work_section.difference_table(comparisons, labels),
        "work_bracket": work_section.bracket_table(comparisons, labels),
        "principles": principles_table(results, evidence, throughput),
        "claim_counts": claim_tables.verdict_counts(of_study[0]),
        "claims": claim_tables.claims_table(of_study[0], of_study[1:]),
        "conditions": claim_tables.conditions_table(of_study[0], evidence.valid),
        "unanswered": claim_tables.unanswered_table(of_study[0]),
        "repetition_counts": claim_tables.verdict_counts(repeated[0]),
        "repetition": claim_tables.claims_table(repeated[0], []),
        "contradicted": [
            (verdicts[0].source, claim_tables.outside_tolerance(verdicts))
            for verdicts in of_study[1:]
            if verdicts
        ],
        "inconsistencies": claim_tables.inconsistencies_table(),
        "hosts_in_use": claim_tables.hosts_in_words([row.pair for row in break_evens]),
        "break_even": claim_tables.break_even_table(break_evens, labels) if break_evens else None,
    }
    drawing.draw(
        {
            "ratios": figures.ratios(throughput, labels),
            "break_even": figures.break_even(break_evens, labels),
            "work": work_section.work_figure(evidence.cells, comparisons, labels),
        }
    )
    drawn = drawing.finished()
    page = template.render(context, figures=drawn, results=results, evidence=evidence)
    found = tuple(figure for figure in drawn.values() if figure)
    return Report(page, found, evidence.trials)


def cell_windows(results: Results, evidence: Evidence) -> dict[str, Histogram]:
    """All boots' measured windows merged, by cell slug; cells without a log are absent."""
    windows = {}
    for cell in evidence.cells:
        found = [results.latencies[trial_id].window for trial_id in cell.ids if trial_id in results.latencies]
        if found:
            windows[cell.cell.slug] = hdr.merge(found)
    return windows


def _facts(results: Results, evidence: Evidence, labels: Labels) -> dict[str, Any]:
    study = results.campaign.study
    return {
        "campaign": results.campaign,
        "study": study,
        "accelerators": wording.accelerator_names(results),
        "cautions": wording.cautions(results),
        "completeness": wording.completeness(results, evidence.excluded.height),
        "common_setting": labels.common(evidence.cells[0].cell) if evidence.cells else "",
        "sorts": any(split_service(name)[0] == "bubble_sort" for name in study.services),
        "arms": [(name, wording.arm(name)) for name in study.arms],
        "study_yaml": yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        "schema_version": SCHEMA_VERSION,
        "minimum_boots": MINIMUM_BOOTS,
        "bootstrap_boots": MINIMUM_BOOTS_FOR_BOOTSTRAP,
        "equivalence_percent": f"{EQUIVALENCE_MARGIN * 100:g}",
        "percentile_rules": [(f"p{value:g}", samples_needed(value)) for value in PERCENTILES],
        "software": [("python", python_version()), *((name, version(name)) for name in _LIBRARIES)],
        "most_trials": page_tables.MOST_TRIALS_LISTED,
    }


def _tables(
    results: Results, evidence: Evidence, windows: Mapping[str, Histogram], labels: Labels
) -> dict[str, Table | None]:
    cells = evidence.cells
    records = {record.id: record for record in results.records}
    memory = [memory_metric(*kind) for kind in memory_kinds(evidence.valid)]
    return {
        "rules": page_tables.rules_table(evidence),
        "found": page_tables.findings_table(evidence.findings),
        "overview": page_tables.means_of_everything(cells, labels),
        "latency": page_tables.latency_table(cells, windows, labels),
        "kinds": page_tables.kinds_table(tables.footprints_table(results)),
        "memory": page_tables.cell_means(cells, memory, labels) if memory else None,
        "not_run": page_tables.not_run_table(results.campaign),
        "excluded": page_tables.excluded_table(evidence, labels),
        "stability": page_tables.stability_table(stability(evidence.trials), labels),
        "trials": page_tables.trials_table(evidence, labels),
        "caps": page_tables.caps_table(cells, records, labels),
        "instances": page_tables.instance_table(cells, records, labels),
        "hosts": page_tables.host_table(results),
    }


def _findings(decisions: list[Decision], labels: Labels) -> list[tuple[str, list[str]]]:
    """Sentences by service and setting, in the study's order."""
    services: dict[str, list[str]] = {}
    for row in decisions:
        service = labels.service(row.comparison.pair.base.cell)
        services.setdefault(service, []).append(wording.sentence(row))
    return list(services.items())


def _notes(pairs: list[Pair], labels: Labels) -> list[tuple[str, list[str]]]:
    """Each note with the services and settings that it holds for."""
    services: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.note:
            services.setdefault(pair.note, []).append(labels.service(pair.base.cell))
    return list(services.items())


def _ratio_tables(
    comparisons: dict[str, list[Comparison]],
    evidence: Evidence,
    decisions: list[Decision],
    labels: Labels,
    *,
    running: bool,
) -> list[tuple[str, Table]]:
    """Title and table of every metric that any pair has."""
    primary = {(row.comparison.metric.key, *_slugs(row.comparison.pair)): row.outcome for row in decisions}
    tables = []
    for key, rows in comparisons.items():
        words = []
        for row in rows:
            widened = row.interval.widened(evidence.allowance(row.metric, row.pair.other, row.pair.base))
            outcome = primary.get((key, *_slugs(row.pair)))
            word = wording.verdict(widened, running=running)
            # One sentence for one comparison: what the headline leaves undecided is not decided here.
            words.append("undecided" if outcome == "undecided" else word)
        if rows:
            tables.append((rows[0].metric.title, page_tables.ratio_table(rows, words, labels)))
    return tables


def _slugs(pair: Pair) -> tuple[str, str]:
    first, second = sorted((pair.other.cell.slug, pair.base.cell.slug))
    return first, second
