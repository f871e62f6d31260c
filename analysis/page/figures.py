"""The report's figures: from cells and histograms to pictures and their data. One without data is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal

from analysis.estimates.comparisons import Comparison
from analysis.estimates.memory_break_even import BreakEvenRow
from analysis.page.labels import Labels
from analysis.page.plots.break_even import BreakEvenPanel, Line, break_even_data, break_even_figure
from analysis.page.plots.dots import Panel, Row, dot_data, dot_figure
from analysis.page.plots.percentile_curve import Curve, LatencyPanel, latency_data, latency_figure
from analysis.page.plots.ratios import RatioRow, ratio_data, ratio_figure
from analysis.page.plots.style import Sketch
from analysis.page.plots.timeline import Boot, Timeline, timeline_data, timeline_figure
from analysis.records.cells import CellTrials
from analysis.records.hdr import Histogram
from analysis.records.latency import TrialLatency, answers_per_second, share_slower
from analysis.records.metrics import FIRST_ANSWER, IMAGE_SIZE, THROUGHPUT, Metric, memory_kinds, memory_metric

Cells = Sequence[CellTrials]

_LONGEST_LABEL_IN_TWO_COLUMNS = 24


def cell_figures(
    cells: Cells,
    by_trial: Mapping[str, TrialLatency],
    by_cell: Mapping[str, Histogram],
    labels: Labels,
) -> dict[str, Sketch | None]:
    """The figures that show cells, by name; None where there is nothing to show."""
    return {
        "throughput": _by_service(cells, THROUGHPUT, labels, "panel"),
        "latency": _latency(cells, by_cell, labels),
        "memory": _memory(cells, labels),
        "boot": _by_service(cells, FIRST_ANSWER, labels, "figure"),
        "image": _by_service(cells, IMAGE_SIZE, labels, "figure"),
        "timeline": _timeline(cells, by_trial, labels),
    }


def ratios(comparisons: Sequence[Comparison], labels: Labels) -> Sketch | None:
    """Ratios of throughput with their intervals; None without any."""
    if not comparisons:
        return None
    rows = []
    for row in comparisons:
        arms = f"{row.pair.other.cell.arm} / {row.pair.base.cell.arm}"
        rows.append(RatioRow(labels.service(row.pair.base.cell), arms, row.interval))
    x_label = "ratio of throughput (log scale); right of 1 the first arm answers more"
    title, data = "Ratios of throughput with 95 % intervals", ratio_data(rows)
    return Sketch("ratios", title, data, ratio_figure, (rows, x_label))


def break_even(rows: Sequence[BreakEvenRow], labels: Labels) -> Sketch | None:
    """K* over OS - HV, by the study's kind of memory; a guest that never or always needs less is left out."""
    panels = []
    counted = [row for row in rows if row.per == "containers" and row.kind == "guest_touched"]
    for pair, members in groupby(counted, key=lambda row: row.pair):
        title = f"{labels.service(pair.base.cell)}\n{pair.other.cell.arm} / {pair.base.cell.arm}"
        lines = [Line(row.unikernels, row.found) for row in members]
        panels.append(BreakEvenPanel(title, pair.other.cell.arm, lines))
    if not panels:
        return None
    title, data = "Containers up to which unikernels need less memory", break_even_data(panels)
    return Sketch("break_even", title, data, break_even_figure, (panels,))


def _by_service(
    cells: Cells, metric: Metric, labels: Labels, scale: Literal["panel", "figure"]
) -> Sketch | None:
    panels = [
        Panel(service, [_row(cell, metric, labels.arm(cell.cell)) for cell in members])
        for service, members in groupby(cells, key=lambda cell: cell.cell.service)
    ]
    if not any(row.values for panel in panels for row in panel.rows):
        return None
    x_label = f"{metric.title.lower()} ({metric.unit})"
    data = dot_data(panels, f"{metric.key} ({metric.unit})")
    title = f"{metric.title} of every boot, by service and arm"
    longest = max(len(row.label) for panel in panels for row in panel.rows)
    columns = 2 if len(panels) > 1 and longest <= _LONGEST_LABEL_IN_TWO_COLUMNS else 1
    lines = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return Sketch(metric.key, title, data, dot_figure, (lines, x_label, scale))


def _row(cell: CellTrials, metric: Metric, label: str) -> Row:
    return Row(label, cell.cell.arm, cell.values(metric), cell.state or "not recorded")


def _memory(cells: Cells, labels: Labels) -> Sketch | None:
    """One line of panels per kind, idle beside loaded, holding only the cells that have the kind."""
    lines = []
    for kind, moments in groupby(_kinds(cells), key=lambda pair: pair[0]):
        line = []
        for _, when in moments:
            metric = memory_metric(kind, when)
            members = [cell for cell in cells if cell.values(metric)]
            rows = [_row(cell, metric, f"{cell.cell.service}, {labels.arm(cell.cell)}") for cell in members]
            if rows:
                line.append(Panel(f"{kind}, {when}", rows))
        if line:
            lines.append(line)
    if not lines:
        return None
    data = dot_data([panel for line in lines for panel in line], "memory_mib")
    title = "Memory of every boot, by kind"
    return Sketch("memory", title, data, dot_figure, (lines, "memory (MiB)", "line"))


def _latency(cells: Cells, by_cell: Mapping[str, Histogram], labels: Labels) -> Sketch | None:
    panels = []
    for title, members in groupby(cells, key=lambda cell: labels.service(cell.cell)):
        curves = [
            Curve(cell.cell.arm, *share_slower(by_cell[cell.cell.slug]))
            for cell in members
            if cell.cell.slug in by_cell and by_cell[cell.cell.slug].total
        ]
        if curves:
            panels.append(LatencyPanel(title, curves))
    if not panels:
        return None
    title, data = "Share of answers slower than a given time", latency_data(panels)
    return Sketch("latency", title, data, latency_figure, (panels,))


def _timeline(cells: Cells, by_trial: Mapping[str, TrialLatency], labels: Labels) -> Sketch | None:
    timelines = []
    for cell in cells:
        found = [by_trial[trial_id] for trial_id in cell.ids if trial_id in by_trial]
        if found:
            boots = [Boot(*answers_per_second(latency)) for latency in found]
            group = labels.service(cell.cell)
            title = f"{group}\n{cell.cell.arm}"
            timelines.append(Timeline(group, cell.cell.arm, title, found[0].warm_up_s, boots))
    if not timelines:
        return None
    title, data = "Throughput second by second inside the boots", timeline_data(timelines)
    return Sketch("timeline", title, data, timeline_figure, (timelines,))


def _kinds(cells: Cells) -> list[tuple[str, str]]:
    return sorted({pair for cell in cells if len(cell.trials) for pair in memory_kinds(cell.trials)})
