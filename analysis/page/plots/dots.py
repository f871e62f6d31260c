"""Dot plots: one row per cell, every boot a dot, the geometric mean a tick with its value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates.ratio import geometric_mean
from analysis.formatting import number
from analysis.page.plots import layout
from analysis.page.plots.style import FAINT, INK, PAPER, colour, grouped_thousands, marker
from analysis.page.plots.tips import add_tips

_ROW_IN, _FRAME_IN = 0.38, 0.1
_SPREAD_ROWS = 0.46
_ROOM_FOR_VALUE = 1.2
_MOST_DOTS = 80


@dataclass(frozen=True)
class Row:
    """One cell. ``note`` replaces the dots where there are no values.

    ``paper`` is the study's value in the axis' unit, where it can be known.
    """

    label: str
    arm: str
    values: Sequence[float]
    note: str = ""
    paper: float | None = None


@dataclass(frozen=True)
class Panel:
    """Rows that share an axis."""

    title: str
    rows: Sequence[Row]

    @property
    def largest(self) -> float:
        """The largest value, 0 where there is none."""
        drawn = [value for row in self.rows for value in (*row.values, row.paper or 0.0)]
        return max(drawn, default=0.0)


def dot_data(panels: Iterable[Panel], value: str) -> pl.DataFrame:
    """What is drawn: one row per boot in the column ``value``, and one per value of the study."""
    rows = [
        (panel.title, row.label, row.arm, who, boot, drawn)
        for panel in panels
        for row in panel.rows
        for who, boot, drawn in (
            *(("ours", index, one) for index, one in enumerate(row.values, start=1)),
            *((("study", None, row.paper),) if row.paper is not None else ()),
        )
    ]
    schema = {"panel": pl.String, "row": pl.String, "arm": pl.String, "of": pl.String, "boot": pl.Int64}
    return pl.DataFrame(rows, schema={**schema, value: pl.Float64}, orient="row")


def dot_figure(
    lines: Sequence[Sequence[Panel]], x_label: str, scale: Literal["panel", "line", "figure"]
) -> Figure:
    """Lines of panels; panels of one line that have the same rows name them once.

    Args:
        lines: at least one, each with at least one panel, each panel with at least one row.
        x_label: quantity and unit.
        scale: which panels share their horizontal scale.
    """
    made, grid = layout.panels([len(line) for line in lines])
    largest = _largest(panel for line in lines for panel in line)
    for line, line_axes in zip(lines, grid, strict=True):
        for panel, axes in zip(line, line_axes, strict=True):
            limit = {"panel": panel.largest, "line": _largest(line), "figure": largest}[scale]
            repeated = panel is not line[0] and _labels(panel) == _labels(line[0])
            _draw(made, axes, panel, limit or 1.0, named=not repeated)
    for axes in layout.lowest(grid):
        axes.set_xlabel(x_label)
    heights = [_FRAME_IN + _ROW_IN * max(len(panel.rows) for panel in line) for line in lines]
    return layout.arrange(made, grid, heights)


def _labels(panel: Panel) -> list[str]:
    return [row.label for row in panel.rows]


def _largest(panels: Iterable[Panel]) -> float:
    return max(panel.largest for panel in panels)


def _draw(made: Figure, axes: Axes, panel: Panel, largest: float, *, named: bool) -> None:
    for position, row in enumerate(panel.rows):
        if row.values:
            _draw_row(made, axes, position, row)
        else:
            axes.text(largest * 0.02, position, row.note, va="center", color=FAINT, style="italic")
        if row.paper is not None:
            (cross,) = axes.plot([row.paper], [position], "x", color=INK, markersize=9, markeredgewidth=2)
            add_tips(made, cross, [f"{row.label}, by the study: {number(row.paper)}"])
    axes.set_title(panel.title)
    axes.set_yticks(range(len(panel.rows)), _labels(panel) if named else [""] * len(panel.rows))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(panel.rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, largest * _ROOM_FOR_VALUE)
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter(grouped_thousands)


def _shown(values: Sequence[float]) -> Sequence[float]:
    """All values, or evenly spaced ones of their order, ends included: more dots would hide each other."""
    if len(values) <= _MOST_DOTS:
        return values
    places = np.linspace(0, len(values) - 1, _MOST_DOTS).round().astype(int)
    return np.sort(values)[places].tolist()


def _draw_row(made: Figure, axes: Axes, position: int, row: Row) -> None:
    mean = geometric_mean(row.values)
    axes.plot([mean, mean], [position - 0.34, position + 0.34], color=INK, linewidth=1.5)
    # Boots are drawn one below the other in running order, so that near ones do not hide each other. Where
    # all are equal, as with images, a column of dots would show no more than one.
    values = _shown(row.values) if len(set(row.values)) > 1 else row.values[:1]
    middle = (len(values) - 1) / 2
    step = _SPREAD_ROWS / max(len(values) - 1, 1)
    heights = [position + step * (index - middle) for index in range(len(values))]
    (points,) = axes.plot(
        values,
        heights,
        marker(row.arm),
        color=colour(row.arm),
        markersize=6,
        alpha=0.85,
        markeredgecolor=PAPER,
        markeredgewidth=0.6,
    )
    add_tips(made, points, _tips(row, values))
    axes.annotate(
        number(mean),
        (max(row.values), position),
        xytext=(10, 0),
        textcoords="offset points",
        va="center",
        color=INK,
    )


def _tips(row: Row, values: Sequence[float]) -> list[str]:
    """What each dot is."""
    if len(values) < len(row.values):
        what = "every boot" if len(values) == 1 else f"one of {len(row.values)} boots"
        return [f"{row.label}, {what}: {number(value, 4)}" for value in values]
    return [f"{row.label}, boot {boot}: {number(value, 4)}" for boot, value in enumerate(values, start=1)]
