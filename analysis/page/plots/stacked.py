"""Stacked bars: one row per arm, its parts side by side, a note at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import number
from analysis.page.plots import layout
from analysis.page.plots.style import INK, PAPER, WIDTH_IN, colour, grouped_thousands
from analysis.page.plots.tips import add_tips

_ROW_IN, _FRAME_IN = 0.42, 0.1
_ROOM_FOR_NOTE = 1.75
# Of the figure's width, what names on the left leave to the axes at least; and the size of texts in bars.
_LEAST_SHARE_OF_PLOT, _TEXT_PT = 0.8, 9.0
_BELOW_BAR = 0.31
_TAG = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
# The first part in the arm's full colour, the next ones fainter.
_STRENGTHS = (1.0, 0.55, 0.35, 0.2)


@dataclass(frozen=True)
class Bar:
    """One arm.

    Attributes:
        parts: in the order of the figure's names.
        note: at the bar's end.
        entries: into a guest per request, None where they were not counted.
        study: where the study's ratio puts the bar's end, in the axis' unit; None where it gave none.
    """

    label: str
    arm: str
    parts: Sequence[float]
    note: str = ""
    entries: float | None = None
    study: float | None = None


@dataclass(frozen=True)
class BarPanel:
    """Bars that share an axis."""

    title: str
    bars: Sequence[Bar]


def stacked_data(panels: Sequence[BarPanel], names: Sequence[str], value: str) -> pl.DataFrame:
    """What is drawn: one row per part of each bar, with the bar's entries and the study's value."""
    rows = [
        (panel.title, bar.label, bar.arm, name, part, bar.entries, bar.study)
        for panel in panels
        for bar in panel.bars
        for name, part in zip(names, bar.parts, strict=True)
    ]
    schema = dict.fromkeys(("panel", "row", "arm", "part"), pl.String)
    numbers = dict.fromkeys((value, "vm_entries_per_request", "study"), pl.Float64)
    return pl.DataFrame(rows, schema={**schema, **numbers}, orient="row")


def stacked_figure(panels: Sequence[BarPanel], names: Sequence[str], x_label: str) -> Figure:
    """One line per panel; every panel has bars, and every bar at most four parts."""
    made, grid = layout.panels([1] * len(panels))
    for panel, (axes,) in zip(panels, grid, strict=True):
        _draw(made, axes, panel, names, x_label)
    grid[-1][0].set_xlabel(x_label)
    return layout.arrange(made, grid, [_FRAME_IN + _ROW_IN * len(panel.bars) for panel in panels])


def _draw(made: Figure, axes: Axes, panel: BarPanel, names: Sequence[str], x_label: str) -> None:
    named: set[str] = set()
    largest = max(max(sum(bar.parts), bar.study or 0.0) for bar in panel.bars) or 1.0
    for position, bar in enumerate(panel.bars):
        left = 0.0
        for part, name, strength in zip(bar.parts, names, _STRENGTHS, strict=False):
            if not part:
                continue
            (drawn,) = axes.barh(
                position, part, left=left, height=0.62, color=colour(bar.arm), alpha=strength, edgecolor=PAPER
            )
            add_tips(made, drawn, [f"{bar.label}, {name}: {number(part)} {x_label}"])
            width_in = part / (largest * _ROOM_FOR_NOTE) * WIDTH_IN * _LEAST_SHARE_OF_PLOT
            text = number(part)
            if name not in named and layout.text_in(f"{name} {text}", _TEXT_PT) < width_in:
                named.add(name)
                text = f"{name} {text}"
            if layout.text_in(text, _TEXT_PT) < width_in:
                # On paper, for no ink is legible on every arm's colour in light and in dark.
                place = left + part / 2, position
                axes.text(*place, text, ha="center", va="center", color=INK, fontsize=_TEXT_PT, bbox=_TAG)
            left += part
        if bar.study is not None:
            below = position + _BELOW_BAR
            (cross,) = axes.plot([bar.study], [below], "x", color=INK, markersize=9, markeredgewidth=2)
            add_tips(made, cross, [f"by the study's ratio: {number(bar.study)} {x_label}"])
        end = max(left, bar.study or 0.0)
        axes.text(end + largest * 0.02, position, bar.note, va="center", color=INK, fontsize=10)
    axes.set_title(panel.title)
    axes.set_yticks(range(len(panel.bars)), [bar.label for bar in panel.bars])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(panel.bars) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, largest * _ROOM_FOR_NOTE)
    axes.xaxis.set_major_formatter(grouped_thousands)
