"""The headline figure: work per request by layer, VM entries, and where the study's ratio would end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from analysis.formatting import interval, number, ratio
from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.plots.stacked import Bar, BarPanel, stacked_data, stacked_figure
from analysis.page.plots.style import Sketch
from analysis.page.work_tables import ENTRIES, PARTS, TOTAL, mean_of
from analysis.records.cells import CellTrials
from analysis.verdicts.answers import AnswerRow
from analysis.verdicts.claims import study_time_ratio

NAMES = ("application", "kernel", "host")
_UNIT = "thousand instructions per request"


def _sketch(facts: PageFacts) -> Sketch | None:
    """Instructions per request of each arm by layer; None where nothing was counted so."""
    panels = []
    for service, members in groupby(facts.answers, key=lambda row: facts.labels.service(row.cell.cell)):
        panel = _panel(service, list(members))
        panels += [panel] if panel.bars else []
    if not panels:
        return None
    data = stacked_data(panels, NAMES, _UNIT)
    title = "Instructions per request by layer, for each service and arm"
    return Sketch("work", title, data, stacked_figure, (panels, NAMES, _UNIT))


def _panel(service: str, rows: Sequence[AnswerRow]) -> BarPanel:
    counted = [(row, found) for row in rows if (found := _layers(row.cell))]
    on_server = any(mean_of(row.cell, ENTRIES) for row, _ in counted)
    control = next((sum(found) for row, found in counted if row.cell.runtime == "docker"), None)
    claimed = study_time_ratio(rows[0].cell.cell.service) if control else None
    bars = [
        Bar(
            row.cell.cell.arm,
            row.cell.cell.arm,
            layers,
            _note(row, on_server=on_server),
            mean_of(row.cell, ENTRIES),
            control * claimed if control and claimed and row.cell.runtime == "osv" else None,
        )
        for row, layers in counted
    ]
    stated = f", the study: {ratio(1 / claimed)} times the requests per second" if claimed else ""
    return BarPanel(f"{service}{stated}" if any(bar.study for bar in bars) else service, bars)


def _layers(cell: CellTrials) -> list[float]:
    """Application, kernel, hypervisor and host; empty where the kernel's addresses are not known."""
    found = [mean_of(cell, key) for key in PARTS]
    return [value or 0.0 for value in found] if found[0] and found[1] else []


def _note(row: AnswerRow, *, on_server: bool) -> str:
    """Total, its ratio to the control, and on a server the entries into the guest."""
    answer = next((found for found in row.answers if found.metric.key == TOTAL), None)
    parts = [number(mean_of(row.cell, TOTAL))]
    if answer and answer.comparison:
        found = answer.comparison.interval
        limits = "" if found.insufficient else f" ({interval(found)})"
        parts.append(f"{ratio(found.ratio)} of {answer.comparison.pair.base.cell.arm}{limits}")
    if on_server:
        parts.append(f"{number(mean_of(row.cell, ENTRIES))} VM entries")
    return "; ".join(parts)


FIGURE = Figure(
    "work",
    (
        "Instructions that one right answer takes, idle work taken out. From the left: the application; "
        "its kernel, which is the guest's, or the host's for a container; on a server that runs guests, "
        "the hypervisor, its device model and the host's kernel. A container's bar holds the whole host, "
        "engine and proxy included. Beside each bar its total, its ratio to the control with the 95 % "
        "interval, and how often a request enters the guest. A cross is the container's work times the "
        "study's ratio of time per request: where the unikernel's bar would end if time were work."
    ),
    "No instructions were counted: that needs an emulated CPU (TCG).",
    _sketch,
    compares=True,
)
