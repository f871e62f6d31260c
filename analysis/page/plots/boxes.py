"""Latency as the study drew it, box and whiskers, but untrimmed: the tail is there as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.page.plots import layout
from analysis.page.plots.style import INK, colour
from analysis.page.plots.ticks import set_log_ticks

SHARES = (0.02, 0.25, 0.5, 0.75, 0.98, 0.999)
_ROW_IN, _FRAME_IN = 0.38, 0.1


@dataclass(frozen=True)
class Box:
    """One cell: response times in ms at SHARES, the maximum, and the study's median where it is known."""

    label: str
    arm: str
    at_shares_ms: Sequence[float]
    largest_ms: float
    paper_median_ms: float | None = None


@dataclass(frozen=True)
class BoxPanel:
    """The cells of one service."""

    title: str
    boxes: Sequence[Box]


def box_data(panels: Sequence[BoxPanel]) -> pl.DataFrame:
    """What is drawn: one row per cell."""
    rows = [
        (panel.title, box.label, *box.at_shares_ms, box.largest_ms, box.paper_median_ms)
        for panel in panels
        for box in panel.boxes
    ]
    numbers = (*(f"p{share * 100:g}_ms" for share in SHARES), "max_ms", "study_median_ms")
    schema = {"service": pl.String, "arm": pl.String} | dict.fromkeys(numbers, pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def box_figure(panels: Sequence[BoxPanel]) -> Figure:
    """One panel per service below the other, at least one in all."""
    made, lines = layout.panels([1] * len(panels))
    for panel, (axes,) in zip(panels, lines, strict=True):
        _draw(axes, panel)
    lines[-1][0].set_xlabel("response time (ms, log scale)")
    return layout.arrange(made, lines, [_FRAME_IN + _ROW_IN * len(panel.boxes) for panel in panels])


def _draw(axes: Axes, panel: BoxPanel) -> None:
    axes.set_xscale("log")
    for row, box in enumerate(panel.boxes):
        low, left, middle, right, high, far = box.at_shares_ms
        ink = colour(box.arm)
        axes.plot([low, high], [row, row], color=ink, linewidth=1.5)
        axes.barh(row, right - left, left=left, height=0.5, color=ink, alpha=0.45)
        axes.plot([middle, middle], [row - 0.3, row + 0.3], color=INK, linewidth=2)
        axes.plot([far], [row], "|", color=ink, markersize=10, markeredgewidth=2)
        axes.plot([box.largest_ms], [row], ".", color=ink, markersize=8)
        if box.paper_median_ms is not None:
            axes.plot([box.paper_median_ms], [row], "x", color=INK, markersize=9, markeredgewidth=2)
    axes.set_yticks(range(len(panel.boxes)), [box.label for box in panel.boxes])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(panel.boxes) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    low, high = axes.get_xlim()
    set_log_ticks(axes, low, high)
    axes.set_title(panel.title)
