"""The study's figures 4 to 10 from our data, with its values where they can be known.

The study built each service once, so other builds of one are in the other figures only. Most of its
absolute values are of another machine, so a cross shows where the study's *ratio* puts an arm: our
container's mean times the ratio that it claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from analysis.estimates.block_table import BlockTable
from analysis.estimates.pairs import thread_pairs
from analysis.estimates.ratio import geometric_mean
from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.labels import Labels
from analysis.page.plots.bins import EDGES_MS, Bars, bin_data, bin_figure
from analysis.page.plots.boxes import SHARES, Box, BoxPanel, box_data, box_figure
from analysis.page.plots.dots import Panel, Row, dot_data, dot_figure
from analysis.page.plots.ratios import RatioRow, ratio_data, ratio_figure
from analysis.page.plots.style import Sketch
from analysis.records.cells import CellTrials
from analysis.records.hdr import Histogram
from analysis.records.metrics import (
    MEAN_RESPONSE,
    STUDY_MEMORY_KINDS,
    THROUGHPUT,
    Metric,
    memory_kinds,
    memory_metric,
    memory_name,
)
from analysis.verdicts.claims import study_ratios, study_value
from contracts.workload import is_variant, split_service

Cells = Sequence[CellTrials]


_REST, _SORT = "todos", "bubble_sort"


def _cells(facts: PageFacts, workload: str, threads: int | None = None) -> list[CellTrials]:
    """Cells of the study's own builds of a workload that have trials."""
    return [
        cell
        for cell in facts.evidence.cells
        if len(cell.trials)
        and not is_variant(cell.cell.service)
        and split_service(cell.cell.service)[0] == workload
        and threads in (None, cell.cell.threads)
    ]


def _figure4(facts: PageFacts) -> Sketch | None:
    return _dots("figure4", _cells(facts, _REST, 1), THROUGHPUT, study_ratios(_REST), facts.labels)


def _figure5(facts: PageFacts) -> Sketch | None:
    return _dots("figure5", _cells(facts, _SORT, 1), MEAN_RESPONSE, study_ratios(_SORT), facts.labels)


def _figure6(facts: PageFacts) -> Sketch | None:
    claimed = dict.fromkeys(("go", "java"), study_value("C048"))
    return _scaling("figure6", facts, "docker", claimed)


def _figure7(facts: PageFacts) -> Sketch | None:
    claims = (("java", "C045"), ("python", "C046"), ("go", "C047"))
    return _scaling("figure7", facts, "osv", {name: study_value(claim) for name, claim in claims})


def _figure8(facts: PageFacts) -> Sketch | None:
    return _boxes(_cells(facts, _REST, 1), facts.windows, facts.labels)


def _figure9(facts: PageFacts) -> Sketch | None:
    return _bins(_cells(facts, _REST), facts.windows)


def _figure10(facts: PageFacts) -> Sketch | None:
    return _memory(_cells(facts, _REST, 1), facts.labels)


def _dots(
    name: str, cells: Cells, metric: Metric, ratios: Mapping[str, float], labels: Labels
) -> Sketch | None:
    panels = []
    for service, members in groupby(cells, key=lambda cell: cell.cell.service):
        found = list(members)
        claimed = _claimed(found, metric, ratios.get(split_service(service)[1]))
        rows = [
            Row(
                labels.arm(cell.cell),
                cell.cell.arm,
                cell.values(metric),
                "not recorded",
                claimed if cell.runtime == "osv" else None,
            )
            for cell in found
        ]
        panels.append(Panel(service, rows))
    if not any(row.values for panel in panels for row in panel.rows):
        return None
    data = dot_data(panels, f"{metric.key} ({metric.unit})")
    x_label = f"{metric.title.lower()} ({metric.unit})"
    title = f"{metric.title}, one thread, with the study's ratios"
    return Sketch(name, title, data, dot_figure, ([[panel] for panel in panels], x_label, "panel"))


def _claimed(cells: Cells, metric: Metric, ratio: float | None) -> float | None:
    """Where the study's ratio puts the unikernel beside our container."""
    containers = [cell.values(metric) for cell in cells if cell.runtime == "docker"]
    if ratio is None or not containers or not containers[0]:
        return None
    return geometric_mean(containers[0]) * ratio


def _scaling(name: str, facts: PageFacts, runtime: str, claimed: Mapping[str, float]) -> Sketch | None:
    rows = []
    found = [cell for cell in _cells(facts, _REST) if cell.runtime == runtime]
    table = BlockTable(facts.evidence.every_cell, THROUGHPUT)
    for more, one in thread_pairs(found):
        interval = table.ratio(more, one)
        if one.cell.threads == 1 and interval:
            language = split_service(one.cell.service)[1]
            paper = claimed.get(language) if more.cell.threads == 4 else None
            label = f"{one.cell.arm}, {more.cell.threads} / 1 threads"
            different = interval.excludes_one and not facts.running
            rows.append(RatioRow(one.cell.service, label, interval, different, paper))
    if not rows:
        return None
    title = f"Throughput of several threads to one, {runtime}"
    x_label = "ratio of throughput (log scale)"
    return Sketch(name, title, ratio_data(rows), ratio_figure, (rows, x_label))


def _boxes(cells: Cells, windows: Mapping[str, Histogram], labels: Labels) -> Sketch | None:
    panels = []
    python = study_value("C057") / study_value("C058")
    for service, members in groupby(cells, key=lambda cell: cell.cell.service):
        known = [cell for cell in members if cell.cell.slug in windows and windows[cell.cell.slug].total]
        medians = {cell.runtime: windows[cell.cell.slug].quantiles([0.5])[0] / 1000 for cell in known}
        claimed = medians.get("docker", 0) * python if split_service(service)[1] == "python" else 0
        boxes = [
            Box(
                labels.arm(cell.cell),
                cell.cell.arm,
                [value / 1000 for value in windows[cell.cell.slug].quantiles(SHARES)],
                windows[cell.cell.slug].largest() / 1000,
                claimed if claimed and cell.runtime == "osv" else None,
            )
            for cell in known
        ]
        if boxes:
            panels.append(BoxPanel(service, boxes))
    if not panels:
        return None
    title = "Response times, box and whiskers, untrimmed"
    return Sketch("figure8", title, box_data(panels), box_figure, (panels,))


def _bins(cells: Cells, windows: Mapping[str, Histogram]) -> Sketch | None:
    found = [
        cell
        for cell in cells
        if split_service(cell.cell.service)[1] == "go" and cell.runtime == "osv" and cell.cell.slug in windows
    ]
    bars = [
        Bars(
            f"{cell.cell.arm}, {cell.cell.threads} thread{'s' * (cell.cell.threads > 1)}",
            cell.cell.arm,
            _shares(windows[cell.cell.slug]),
            [*[None] * (len(EDGES_MS) - 2), study_value("C065") / 100 if cell.cell.threads == 4 else None],
        )
        for cell in found
        if windows[cell.cell.slug].total
    ]
    if not bars:
        return None
    title = "Share of answers by response time, Go in the unikernel"
    return Sketch("figure9", title, bin_data(bars), bin_figure, (bars,))


def _shares(histogram: Histogram) -> list[float]:
    values, counts = histogram.recorded()
    found, _ = np.histogram(values / 1000, bins=np.asarray(EDGES_MS), weights=counts)
    return (found / histogram.total).tolist()


def _memory(cells: Cells, labels: Labels) -> Sketch | None:
    bounds = {"java": study_value("C071"), "python": study_value("C072"), "go": study_value("C073")}
    panels = []
    for service, members in groupby(cells, key=lambda cell: cell.cell.service):
        rows = []
        container_mib: Sequence[float] = []
        for cell in members:
            kind = STUDY_MEMORY_KINDS.get(cell.runtime)
            moments = [when for found, when in memory_kinds(cell.trials) if found == kind]
            if kind is None or not moments:
                continue
            values = cell.values(memory_metric(kind, min(moments)))
            container_mib = container_mib or (values if cell.runtime == "docker" else [])
            paper = None
            language = split_service(service)[1]
            if cell.runtime == "osv" and container_mib and language in bounds:
                paper = geometric_mean(container_mib) * bounds[language]
            label = f"{labels.arm(cell.cell)} ({memory_name(kind)}, {min(moments)})"
            rows.append(Row(label, cell.cell.arm, values, "not recorded", paper))
        if rows:
            panels.append(Panel(service, rows))
    if not panels:
        return None
    title, data = "Memory, guest pages touched beside docker stats", dot_data(panels, "memory_mib")
    return Sketch(
        "figure10", title, data, dot_figure, ([[panel] for panel in panels], "memory (MiB)", "panel")
    )


FIGURES = (
    Figure(
        "figure4",
        "Right answers per second, every boot a dot.",
        "This campaign has no REST service with one thread.",
        _figure4,
    ),
    Figure(
        "figure5",
        "Mean time of one answer, which sorts the array; every boot a dot.",
        "This campaign sorts nothing with one thread.",
        _figure5,
    ),
    Figure(
        "figure6",
        (
            "Ratio of throughput with its 95 % interval. The study calls its containers almost "
            "linear, which is drawn as 4."
        ),
        "This campaign has no container with several threads.",
        _figure6,
    ),
    Figure(
        "figure7",
        "Ratio of throughput with its 95 % interval.",
        "This campaign has no unikernel with several threads.",
        _figure7,
    ),
    Figure(
        "figure8",
        (
            "Whiskers from the 2nd to the 98th percentile, where the study cut; beyond them, which it "
            "dropped, a stroke at p99.9 and a point at the maximum. Box: middle half, black stroke: "
            "median."
        ),
        "There is no latency distribution of one thread.",
        _figure8,
    ),
    Figure(
        "figure9",
        "Share of answers in bins of 50 ms, the first 5 ms apart, on a logarithmic scale.",
        "This campaign has no valid trial of Go in a unikernel.",
        _figure9,
    ),
    Figure(
        "figure10",
        (
            "The study's two definitions side by side: what a guest has touched of its memory, and "
            "docker stats of a container. Both are pages that the instance made its host provide. "
            "The study gives bounds: over 2, up to 6, up to 30 times."
        ),
        "No valid trial of a REST service has both kinds of memory.",
        _figure10,
    ),
)
