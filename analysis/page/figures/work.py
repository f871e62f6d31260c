"""Instructions per request, application and kernel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from analysis.estimates.comparisons import Comparison
from analysis.formatting import interval, ratio
from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.plots.stacked import Bar, BarPanel, stacked_data, stacked_figure
from analysis.page.plots.style import Sketch
from analysis.page.work_tables import PARTS, TOTAL, mean_of


def _sketch(facts: PageFacts) -> Sketch | None:
    """Instructions per request of each arm, application and kernel; None where nothing was counted so."""
    labels = facts.labels
    notes = _notes(facts.comparisons.get(TOTAL, ()))
    panels = []
    for service, members in groupby(facts.evidence.cells, key=lambda cell: labels.service(cell.cell)):
        bars = [
            Bar(labels.arm(cell.cell), cell.cell.arm, parts, notes.get(cell.cell.slug, ""))
            for cell in members
            if (parts := [mean_of(cell, key) or 0.0 for key in PARTS]) and all(parts)
        ]
        if bars:
            panels.append(BarPanel(service, bars))
    if not panels:
        return None
    names = ("application", "kernel")
    data = stacked_data(panels, names, "thousand instructions per request")
    title = "Instructions per request, application and kernel"
    return Sketch("work", title, data, stacked_figure, (panels, names, "thousand instructions per request"))


def _notes(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """The ratio to the base that most pairs share, by the slug of the other cell."""
    notes: dict[str, str] = {}
    for row in comparisons:
        found = row.interval
        text = f"{ratio(found.ratio)} of {row.pair.base.cell.arm}"
        if not found.insufficient:
            text += f" ({interval(found)})"
        notes.setdefault(row.pair.other.cell.slug, text)
    return notes


FIGURE = Figure(
    "work",
    (
        "Instructions that the counted guest executes per right answer, idle work taken out: the "
        "application's from the left, then the kernel's. A bar of the container holds its whole "
        "host, engine and proxy included. Beside each bar its ratio to the first arm, with the 95 "
        "% interval."
    ),
    "No instructions were counted: that needs an emulated CPU (TCG).",
    _sketch,
    compares=True,
)
