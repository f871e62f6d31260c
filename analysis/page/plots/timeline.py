"""Throughput second by second inside the boots, warm-up included and marked: small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.page.plots import layout
from analysis.page.plots.style import FAINT, SHADE, colour, grouped_thousands

_PLOT_IN = 1.25
_COLUMNS = 3
_MOST_LINES = 20


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


def timeline_data(timelines: Sequence[Timeline]) -> pl.DataFrame:
    """What is drawn, one row per second of each boot."""
    frames = [
        pl.DataFrame(
            {
                "boot": np.repeat(
                    np.arange(1, len(timeline.boots) + 1), [len(boot.rates) for boot in timeline.boots]
                ),
                "time_s": list(chain.from_iterable(boot.times_s for boot in timeline.boots)),
                "answers_per_s": list(chain.from_iterable(boot.rates for boot in timeline.boots)),
            },
        ).select(pl.lit(timeline.group).alias("service"), pl.lit(timeline.arm).alias("arm"), pl.all())
        for timeline in timelines
    ]
    return pl.concat(frames)


def timeline_figure(timelines: Sequence[Timeline]) -> Figure:
    """One panel per cell, one line per boot; cells of one group start a line and share its scale."""
    lines: list[list[Timeline]] = []
    for group in dict.fromkeys(timeline.group for timeline in timelines):
        members = [timeline for timeline in timelines if timeline.group == group]
        lines += [members[start : start + _COLUMNS] for start in range(0, len(members), _COLUMNS)]
    made, grid = layout.panels([len(line) for line in lines])
    for line, line_axes in zip(lines, grid, strict=True):
        tallest = _tallest([timeline for timeline in timelines if timeline.group == line[0].group])
        for timeline, axes in zip(line, line_axes, strict=True):
            _draw(axes, timeline, tallest)
        line_axes[0].set_ylabel("requests/s")
    for axes in layout.lowest(grid):
        axes.set_xlabel("seconds since the load began")
    return layout.arrange(made, grid, [_PLOT_IN] * len(lines))


def _tallest(timelines: Sequence[Timeline]) -> float:
    return max(
        (rate for timeline in timelines for boot in timeline.boots for rate in boot.rates), default=1.0
    )


def _draw(axes: Axes, timeline: Timeline, tallest: float) -> None:
    if timeline.warm_up_s > 0:
        axes.axvspan(0, timeline.warm_up_s, color=SHADE, linewidth=0)
        axes.text(timeline.warm_up_s / 2, 0.06 * tallest, "warm-up", ha="center", color=FAINT, fontsize=9)
    if len(timeline.boots) > _MOST_LINES:
        _draw_band(axes, timeline)
    lines = [list(zip(boot.times_s, boot.rates, strict=True)) for boot in timeline.boots[:_MOST_LINES]]
    axes.add_collection(LineCollection(lines, colors=colour(timeline.arm), linewidths=1.3, alpha=0.8))
    axes.autoscale_view()
    axes.set_title(timeline.title, fontsize=10.5)
    axes.set_xlim(left=0)
    axes.set_ylim(0, tallest * 1.1 or 1)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(grouped_thousands)


def _draw_band(axes: Axes, timeline: Timeline) -> None:
    """The middle 90 % of the boots, second by second: more lines than that hide each other."""
    length = min(len(boot.rates) for boot in timeline.boots)
    rates = np.asarray([boot.rates[:length] for boot in timeline.boots])
    low, high = np.quantile(rates, [0.05, 0.95], axis=0)
    times_s = timeline.boots[0].times_s[:length]
    axes.fill_between(times_s, low, high, color=colour(timeline.arm), alpha=0.25, linewidth=0)
