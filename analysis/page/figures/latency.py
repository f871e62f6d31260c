"""Share of answers slower than a given time."""

from __future__ import annotations

from itertools import groupby

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.plots.percentile_curve import Curve, LatencyPanel, latency_data, latency_figure
from analysis.page.plots.style import Sketch
from analysis.records.latency import share_slower


def _sketch(facts: PageFacts) -> Sketch | None:
    by_cell, labels = facts.windows, facts.labels
    panels = []
    for title, members in groupby(facts.evidence.cells, key=lambda cell: labels.service(cell.cell)):
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


FIGURE = Figure(
    "latency",
    (
        "Share of answers slower than a given time: read 1 % on the left, go right to the curve, "
        "and the time below it is p99. All boots of an arm merged, the measured window only, "
        "nothing trimmed."
    ),
    "There is no latency distribution yet.",
    _sketch,
)
