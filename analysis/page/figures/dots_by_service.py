"""Dots of every boot of one metric, one panel per service."""

from __future__ import annotations

from itertools import groupby
from typing import Literal

from analysis.page.facts import PageFacts
from analysis.page.plots.dots import Panel, Row, dot_data, dot_figure
from analysis.page.plots.style import Sketch
from analysis.records.cells import CellTrials
from analysis.records.metrics import Metric

_LONGEST_LABEL_IN_TWO_COLUMNS = 24


def by_service(facts: PageFacts, metric: Metric, scale: Literal["panel", "figure"]) -> Sketch | None:
    """Dots of every boot, one panel per service; ``scale``: which panels share their horizontal scale."""
    cells, labels = facts.evidence.cells, facts.labels
    panels = [
        Panel(service, [row_of(cell, metric, labels.arm(cell.cell)) for cell in members])
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


def row_of(cell: CellTrials, metric: Metric, label: str) -> Row:
    """One cell as a row of dots."""
    return Row(label, cell.cell.arm, cell.values(metric), cell.state or "not recorded")
