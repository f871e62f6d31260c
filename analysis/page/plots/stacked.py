"""Stacked bars: one row per arm, its parts side by side, a note at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import number
from analysis.page.plots import layout
from analysis.page.plots.style import INK, PAPER, colour, grouped_thousands

_ROW_IN, _FRAME_IN = 0.42, 0.1
_ROOM_FOR_NOTE = 1.5
_LEAST_WIDTH_OF_NUMBER = 0.08
# The first part in the arm's full colour, the next ones fainter.
_STRENGTHS = (1.0, 0.55, 0.35, 0.2)


@dataclass(frozen=True)
class Bar:
    """One arm: ``parts`` in the order of the figure's names, and ``note`` at the bar's end."""

    label: str
    arm: str
    parts: Sequence[float]
    note: str = ""


@dataclass(frozen=True)
class BarPanel:
    """Bars that share an axis."""

    title: str
    bars: Sequence[Bar]


def stacked_data(panels: Sequence[BarPanel], names: Sequence[str], value: str) -> pl.DataFrame:
    """What is drawn: one row per part of each bar."""
    rows = [
        (panel.title, bar.label, bar.arm, name, part)
        for panel in panels
        for bar in panel.bars
        for name, part in zip(names, bar.parts, strict=True)
    ]
    schema = dict.fromkeys(("panel", "row", "arm", "part"), pl.String)
    return pl.DataFrame(rows, schema={**schema, value: pl.Float64}, orient="row")


def stacked_figure(panels: Sequence[BarPanel], names: Sequence[str], x_label: str) -> Figure:
    """One line per panel; every panel has bars, and every bar at most four parts."""
    made, grid = layout.panels([1] * len(panels))
    for panel, (axes,) in zip(panels, grid, strict=True):
        _draw(axes, panel, names)
    grid[-1][0].set_xlabel(x_label)
    return layout.arrange(made, grid, [_FRAME_IN + _ROW_IN * len(panel.bars) for panel in panels])


def _draw(axes: Axes, panel: BarPanel, names: Sequence[str]) -> None:
    largest = max(sum(bar.parts) for bar in panel.bars) or 1.0
    for position, bar in enumerate(panel.bars):
        left = 0.0
        for part, name, strength in zip(bar.parts, names, _STRENGTHS, strict=False):
            axes.barh(
                position, part, left=left, height=0.62, color=colour(bar.arm), alpha=strength, edgecolor=PAPER
            )
            if part > largest * _LEAST_WIDTH_OF_NUMBER:
                text = f"{name} {number(part)}" if position == 0 else number(part)
                ink = PAPER if strength == 1.0 else INK
                axes.text(left + part / 2, position, text, ha="center", va="center", color=ink, fontsize=9)
            left += part
        axes.text(left + largest * 0.015, position, bar.note, va="center", color=INK)
    axes.set_title(panel.title)
    axes.set_yticks(range(len(panel.bars)), [bar.label for bar in panel.bars])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(panel.bars) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, largest * _ROOM_FOR_NOTE)
    axes.xaxis.set_major_formatter(grouped_thousands)
