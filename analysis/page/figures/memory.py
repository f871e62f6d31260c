"""Memory of every boot, by kind and moment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.figures.dots_by_service import row_of
from analysis.page.plots.dots import Panel, dot_data, dot_figure
from analysis.page.plots.style import Sketch
from analysis.records.cells import CellTrials
from analysis.records.metrics import memory_kinds, memory_metric, memory_name


def _sketch(facts: PageFacts) -> Sketch | None:
    """One line of panels per kind, idle beside loaded, holding only the cells that have the kind."""
    cells, labels = facts.evidence.cells, facts.labels
    lines = []
    for kind, moments in groupby(_kinds(cells), key=lambda pair: pair[0]):
        line = []
        for _, when in moments:
            metric = memory_metric(kind, when)
            members = [cell for cell in cells if cell.values(metric)]
            rows = [row_of(cell, metric, f"{cell.cell.service}, {labels.arm(cell.cell)}") for cell in members]
            if rows:
                line.append(Panel(f"{memory_name(kind)}, {when}", rows))
        if line:
            lines.append(line)
    if not lines:
        return None
    data = dot_data([panel for line in lines for panel in line], "memory_mib")
    title = "Memory of every boot, by kind"
    return Sketch("memory", title, data, dot_figure, (lines, "memory (MiB)", "line"))


def _kinds(cells: Sequence[CellTrials]) -> list[tuple[str, str]]:
    return sorted({pair for cell in cells if len(cell.trials) for pair in memory_kinds(cell.trials)})


FIGURE = Figure(
    "memory",
    ("Memory of every boot, by the kind of measurement: idle is before the load, loaded at its end."),
    "No valid trial has a memory reading yet.",
    _sketch,
)
