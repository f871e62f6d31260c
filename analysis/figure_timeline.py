"""Throughput second by second inside the boots, warm-up included and marked: small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figure_style import FAINT, colour, figure, grouped_thousands

_PANEL_IN = 1.9
_COLUMNS = 3


@dataclass(frozen=True)
class Boot:
    """Answers per second over the seconds since the load's start."""

    times_s: Sequence[float]
    rates: Sequence[float]


@dataclass(frozen=True)
class Timeline:
    """One cell: its boots and where their warm-up ends. ``group``: timelines that share a scale."""

    group: str
    arm: str
    title: str
    warm_up_s: float
    boots: Sequence[Boot]


def timeline_figure(timelines: Sequence[Timeline]) -> Figure:
    """One panel per cell, one line per boot; cells of one group start a line and share its scale."""
    lines: list[list[Timeline]] = []
    for group in dict.fromkeys(timeline.group for timeline in timelines):
        members = [timeline for timeline in timelines if timeline.group == group]
        lines += [members[start : start + _COLUMNS] for start in range(0, len(members), _COLUMNS)]
    columns = max(map(len, lines))
    made = figure(_PANEL_IN * len(lines) + 0.4)
    grid = made.subplots(len(lines), columns, squeeze=False)
    for line, line_axes in zip(lines, grid, strict=True):
        for axes in line_axes[len(line) :]:
            axes.set_axis_off()
        tallest = _tallest([timeline for timeline in timelines if timeline.group == line[0].group])
        for timeline, axes in zip(line, line_axes, strict=False):
            _draw(axes, timeline, tallest)
        line_axes[0].set_ylabel("requests/s")
    for column in range(columns):
        lowest = max(index for index, line in enumerate(lines) if column < len(line))
        grid[lowest][column].set_xlabel("seconds since the load began")
    return made


def _tallest(timelines: Sequence[Timeline]) -> float:
    return max(
        (rate for timeline in timelines for boot in timeline.boots for rate in boot.rates), default=1.0
    )


def _draw(axes: Axes, timeline: Timeline, tallest: float) -> None:
    if timeline.warm_up_s > 0:
        axes.axvspan(0, timeline.warm_up_s, color="#eeeeee", linewidth=0)
        axes.text(timeline.warm_up_s / 2, 0.06 * tallest, "warm-up", ha="center", color=FAINT, fontsize=9)
    for boot in timeline.boots:
        axes.plot(boot.times_s, boot.rates, color=colour(timeline.arm), linewidth=1.3, alpha=0.8)
    axes.set_title(timeline.title, fontsize=10.5)
    axes.set_xlim(left=0)
    axes.set_ylim(0, tallest * 1.1 or 1)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(grouped_thousands)
