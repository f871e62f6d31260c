"""Throughput of every boot."""

from __future__ import annotations

from analysis.page.facts import PageFacts
from analysis.page.figure import Figure
from analysis.page.figures.dots_by_service import by_service
from analysis.page.plots.style import Sketch
from analysis.records.metrics import THROUGHPUT


def _sketch(facts: PageFacts) -> Sketch | None:
    return by_service(facts, THROUGHPUT, "panel")


FIGURE = Figure(
    "throughput",
    (
        "Right answers per second of the measured window. Every boot is a dot, or 80 evenly "
        "spaced ones of their order where there are more; the upright line is their geometric "
        "mean, with its value. Each service has a scale of its own."
    ),
    "No valid trial has a throughput yet.",
    _sketch,
)
