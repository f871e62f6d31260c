"""The ratios between arms with their intervals, one row per pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates.ratio import RatioInterval
from analysis.formatting import interval, ratio
from analysis.page.plots import layout
from analysis.page.plots.style import FAINT, INK
from analysis.page.plots.tips import add_tips

_ROW_IN, _FRAME_IN = 0.34, 0.1
_BESIDE_PT = 14
_ROUND = (1.05, 1.1, 1.2, 1.4, 1.7, 2.0, 3.0, 5.0, 10.0, 25.0, 100.0)
_TICKS = (0.01, 0.04, 0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, *_ROUND)
_LABEL_ROOM = 0.06
_FAR_BEYOND, _LEAST_REACH, _MARGIN = 3.0, 0.06, 1.08


@dataclass(frozen=True)
class RatioRow:
    """One pair: ``label`` names it, ``heading`` groups it, ``paper`` is the study's ratio, if it gave one.

    ``different``: whether the two are shown to differ, which the interval alone does not say.
    """

    heading: str
    label: str
    found: RatioInterval
    different: bool
    paper: float | None = None


def ratio_data(rows: Sequence[RatioRow]) -> pl.DataFrame:
    """What is drawn: one row per pair; no interval is null."""
    found = [
        (
            row.heading,
            row.label,
            row.found.ratio,
            *((None, None) if row.found.insufficient else (row.found.low, row.found.high)),
            row.found.boots_other,
            row.found.boots_base,
            row.paper,
        )
        for row in rows
    ]
    names = ("group", "of", "ratio", "low", "high", "boots_other", "boots_base", "study")
    kinds = (pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64, pl.Int64, pl.Int64, pl.Float64)
    return pl.DataFrame(found, schema=dict(zip(names, kinds, strict=True)), orient="row")


def ratio_figure(rows: Sequence[RatioRow], x_label: str) -> Figure:
    """Points with intervals on a logarithmic axis around 1; an interval that leaves it ends in an arrow.

    Args:
        rows: at least one; rows of one heading are drawn together.
        x_label: what the ratio is of.
    """
    headings = list(dict.fromkeys(row.heading for row in rows))
    made, lines = layout.panels([1])
    axes = lines[0][0]
    axes.set_xscale("log")
    left, right = _limits(rows)
    axes.set_xlim(left, right)
    axes.axvline(1, color=INK, linewidth=1)
    names: list[str] = []
    for heading in headings:
        names.append(heading)
        for row in rows:
            if row.heading == heading:
                _draw(made, axes, len(names), row)
                if row.paper is not None:
                    (cross,) = axes.plot(
                        [row.paper], [len(names)], "x", color=INK, markersize=9, markeredgewidth=2
                    )
                    add_tips(made, cross, [f"the study: {ratio(row.paper)}"])
                names.append(row.label)
    axes.set_yticks(range(len(names)), names)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in headings else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.minorticks_off()
    shown = _ticks(left, right)
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xlabel(x_label)
    beside_in = max(layout.text_in(_said(row.found)) for row in rows) + _BESIDE_PT / 72
    return layout.arrange(made, lines, [_FRAME_IN + _ROW_IN * len(names)], beside_in)


def _said(found: RatioInterval) -> str:
    return f"{ratio(found.ratio)} ({interval(found)})"


def _draw(made: Figure, axes: Axes, position: int, row: RatioRow) -> None:
    left, right = axes.get_xlim()
    found, ink = row.found, INK if row.different else FAINT
    if not found.insufficient:
        low, high = max(found.low, left), min(found.high, right)
        axes.plot([low, high], [position, position], color=ink, linewidth=2.5, solid_capstyle="butt")
        for end, beyond, mark in ((left, found.low < left, "<"), (right, found.high > right, ">")):
            if beyond:
                axes.plot([end], [position], mark, color=ink, markersize=8, clip_on=False)
    (point,) = axes.plot(
        [found.ratio],
        [position],
        "o",
        color=ink,
        markersize=8,
        fillstyle="full" if row.different else "none",
    )
    boots = f"{found.boots_other} and {found.boots_base} boots"
    add_tips(made, point, [f"{row.heading}, {row.label}: {_said(found)}, {boots}"])
    axes.annotate(
        _said(found),
        (1, position),
        xycoords=axes.get_yaxis_transform(),
        xytext=(_BESIDE_PT, 0),
        textcoords="offset points",
        va="center",
        color=ink,
        annotation_clip=False,
    )


def _limits(rows: Sequence[RatioRow]) -> tuple[float, float]:
    """Room for 1, for every ratio, and for intervals unless they reach far beyond all ratios."""
    ratios = [math.log(value) for row in rows for value in (row.found.ratio, row.paper) if value]
    finite = [row.found for row in rows if not row.found.insufficient]
    ends = [math.log(end) for found in finite for end in (found.low, found.high)]
    farthest = _FAR_BEYOND * max(abs(value) for value in ratios) + _LEAST_REACH
    kept = [max(-farthest, min(farthest, end)) for end in ends]
    low, high = min(*ratios, *kept, -_LEAST_REACH), max(*ratios, *kept, _LEAST_REACH)
    return math.exp(low * _MARGIN), math.exp(high * _MARGIN)


def _ticks(left: float, right: float) -> list[float]:
    """Round ratios, none so close to its neighbour that the labels would touch."""
    room = math.log(right / left) * _LABEL_ROOM
    shown: list[float] = [1.0]
    for tick in sorted(_TICKS, key=lambda tick: abs(math.log(tick))):
        inside = left <= tick <= right
        if inside and all(abs(math.log(tick / other)) > room for other in shown):
            shown.append(tick)
    return sorted(shown)
