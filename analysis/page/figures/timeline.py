"""Throughput second by second inside the boots."""

from __future__ import annotations

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.plots.style import Sketch
from analysis.page.plots.timeline import Boot, Timeline, timeline_data, timeline_figure
from analysis.records.latency import answers_per_second


def _sketch(facts: PageFacts) -> Sketch | None:
    by_trial, labels = facts.results.latencies, facts.labels
    timelines = []
    for cell in facts.evidence.cells:
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


FIGURE = Figure(
    "timeline",
    (
        "Answers per second inside each boot, one line per boot, warm-up shaded. A second without "
        "an answer is drawn as zero. Panels of one service share a scale."
    ),
    "There is no log of a valid trial yet.",
    _sketch,
)
