"""The report's figures: from cells and histograms to inline SVG. A figure without data is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

from markupsafe import Markup

from analysis.compare import Comparison
from analysis.figure_dots import Panel, Row, dot_figure
from analysis.figure_latency import Curve, LatencyPanel, latency_figure
from analysis.figure_ratios import RatioRow, ratio_figure
from analysis.figure_style import svg
from analysis.figure_timeline import Boot, Timeline, timeline_figure
from analysis.histograms import TrialLatency, answers_per_second, share_slower
from analysis.labels import Labels
from analysis.metrics import FIRST_ANSWER, IMAGE_SIZE, THROUGHPUT, Metric, footprint_metric
from analysis.results import CellResults, footprint_kinds

Cells = Sequence[CellResults]

_LONGEST_LABEL_IN_TWO_COLUMNS = 24


def all_figures(
    cells: Cells,
    by_trial: Mapping[str, TrialLatency],
    by_cell: Mapping[str, Any],
    throughput: Sequence[Comparison],
    labels: Labels,
) -> dict[str, Markup | None]:
    """Every figure of the page by name; None where there is nothing to show."""
    return {
        "ratios": _ratios(throughput, labels),
        "throughput": _by_service(cells, THROUGHPUT, labels, "panel"),
        "latency": _latency(cells, by_cell, labels),
        "memory": _memory(cells, labels),
        "boot": _by_service(cells, FIRST_ANSWER, labels, "figure"),
        "image": _by_service(cells, IMAGE_SIZE, labels, "figure"),
        "timeline": _timeline(cells, by_trial, labels),
    }


def _by_service(
    cells: Cells, metric: Metric, labels: Labels, scale: Literal["panel", "figure"]
) -> Markup | None:
    panels = [
        Panel(service, [_row(cell, metric, labels.arm(cell.cell)) for cell in members])
        for service, members in groupby(cells, key=lambda cell: cell.cell.service)
    ]
    if not any(row.values for panel in panels for row in panel.rows):
        return None
    x_label = f"{metric.title.lower()} ({metric.unit})"
    title = f"{metric.title} of every boot, by service and arm"
    longest = max(len(row.label) for panel in panels for row in panel.rows)
    columns = 2 if len(panels) > 1 and longest <= _LONGEST_LABEL_IN_TWO_COLUMNS else 1
    lines = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return svg(metric.key, title, lambda: dot_figure(lines, x_label, scale))


def _row(cell: CellResults, metric: Metric, label: str) -> Row:
    return Row(label, cell.cell.arm, metric.values(cell.trials), cell.state or "not recorded")


def _memory(cells: Cells, labels: Labels) -> Markup | None:
    """One line of panels per kind, idle beside loaded, holding only the cells that have the kind."""
    lines = []
    for kind, moments in groupby(footprint_kinds(cells), key=lambda pair: pair[0]):
        line = []
        for _, when in moments:
            metric = footprint_metric(kind, when)
            members = [cell for cell in cells if metric.values(cell.trials)]
            rows = [_row(cell, metric, f"{cell.cell.service}, {labels.arm(cell.cell)}") for cell in members]
            if rows:
                line.append(Panel(f"{kind}, {when}", rows))
        if line:
            lines.append(line)
    if not lines:
        return None
    return svg("memory", "Memory of every boot, by kind", lambda: dot_figure(lines, "memory (MiB)", "line"))


def _latency(cells: Cells, by_cell: Mapping[str, Any], labels: Labels) -> Markup | None:
    panels = []
    for title, members in groupby(cells, key=lambda cell: labels.service(cell.cell)):
        curves = [
            Curve(cell.cell.arm, *share_slower(by_cell[cell.cell.slug]))
            for cell in members
            if cell.cell.slug in by_cell and by_cell[cell.cell.slug].get_total_count()
        ]
        if curves:
            panels.append(LatencyPanel(title, curves))
    if not panels:
        return None
    return svg("latency", "Share of answers slower than a given time", lambda: latency_figure(panels))


def _ratios(comparisons: Sequence[Comparison], labels: Labels) -> Markup | None:
    if not comparisons:
        return None
    rows = []
    for row in comparisons:
        arms = f"{row.pair.other.cell.arm} / {row.pair.base.cell.arm}"
        rows.append(RatioRow(labels.service(row.pair.base.cell), arms, row.interval))
    x_label = "ratio of throughput (log scale); right of 1 the first arm answers more"
    return svg("ratios", "Ratios of throughput with 95 % intervals", lambda: ratio_figure(rows, x_label))


def _timeline(cells: Cells, by_trial: Mapping[str, TrialLatency], labels: Labels) -> Markup | None:
    timelines = []
    for cell in cells:
        found = [by_trial[record.id] for record in cell.trials if record.id in by_trial]
        if found:
            boots = [Boot(*answers_per_second(latency)) for latency in found]
            group = labels.service(cell.cell)
            title = f"{group}\n{cell.cell.arm}"
            timelines.append(Timeline(group, cell.cell.arm, title, found[0].warm_up_s, boots))
    if not timelines:
        return None
    return svg("timeline", "Throughput second by second inside the boots", lambda: timeline_figure(timelines))
