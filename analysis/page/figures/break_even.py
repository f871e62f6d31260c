"""Containers up to which unikernels need less memory, over what their host saves."""

from __future__ import annotations

from itertools import groupby

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.plots.break_even import BreakEvenPanel, Line, break_even_data, break_even_figure
from analysis.page.plots.style import Sketch


def _sketch(facts: PageFacts) -> Sketch | None:
    """K* over OS - HV, by the study's kind of memory; a guest that never or always needs less is skipped."""
    rows, labels = facts.break_evens, facts.labels
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


FIGURE = Figure(
    "break_even",
    (
        "Containers up to which unikernels need less memory, over what their host saves; bands "
        "are 95 % intervals over boots. Memory as in the study: touched by the guest, and docker "
        "stats."
    ),
    "No valid pair of a guest and a container has its memory recorded.",
    _sketch,
    compares=True,
)
