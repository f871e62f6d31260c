"""Ratios of throughput between arms with their intervals."""

from __future__ import annotations

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.plots.ratios import RatioRow, ratio_data, ratio_figure
from analysis.page.plots.style import Sketch
from analysis.records.metrics import THROUGHPUT


def _sketch(facts: PageFacts) -> Sketch | None:
    comparisons, labels = facts.comparisons[THROUGHPUT.key], facts.labels
    if not comparisons:
        return None
    rows = []
    for row in comparisons:
        arms = f"{row.pair.other.cell.arm} / {row.pair.base.cell.arm}"
        different = facts.word(row) in ("higher", "lower")
        rows.append(RatioRow(labels.service(row.pair.base.cell), arms, row.interval, different))
    x_label = "ratio of throughput (log scale); right of 1 the first arm answers more"
    title, data = "Ratios of throughput with 95 % intervals", ratio_data(rows)
    return Sketch("ratios", title, data, ratio_figure, (rows, x_label))


FIGURE = Figure(
    "ratios",
    (
        "Ratio of throughput between two arms: the point seen and its 95 % interval over boots. "
        "Filled and dark: the two are shown to differ. Hollow and grey: they are not, or boots are "
        "still to come. An arrow marks an interval that goes on beyond the axis."
    ),
    "There is no ratio to draw yet.",
    _sketch,
    compares=True,
)
