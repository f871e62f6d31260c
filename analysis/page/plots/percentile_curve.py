"""The latency distribution: which share of answers took longer than a given time, tail included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.page.plots import layout
from analysis.page.plots.style import colour, line_style
from analysis.page.plots.ticks import set_log_ticks

_PLOT_IN = 2.6
_SHARES = {1.0: "all", 0.5: "50 %", 0.1: "10 %", 0.01: "1 %", 0.001: "0.1 %", 0.0001: "0.01 %"}
_MARGIN = 1.15
# So many answers at least are on the axis, for a curve of one answer is a point.
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Curve:
    """One arm: latencies in ms, rising, and the share (0 to 1) of answers at least that slow."""

    arm: str
    latencies_ms: Sequence[float]
    shares: Sequence[float]


@dataclass(frozen=True)
class LatencyPanel:
    """The arms of one service and setting."""

    title: str
    curves: Sequence[Curve]


def latency_data(panels: Sequence[LatencyPanel]) -> pl.DataFrame:
    """What is drawn: one row per latency that occurred."""
    frames = [
        pl.DataFrame({"response_ms": curve.latencies_ms, "share_at_least_as_slow": curve.shares}).select(
            pl.lit(panel.title).alias("service"), pl.lit(curve.arm).alias("arm"), pl.all()
        )
        for panel in panels
        for curve in panel.curves
    ]
    return pl.concat(frames)


def latency_figure(panels: Sequence[LatencyPanel]) -> Figure:
    """One panel per service and setting, two in a line; each panel holds at least one curve."""
    made, lines = layout.panels(layout.in_lines(len(panels), 2))
    for panel, axes in zip(panels, chain(*lines), strict=True):
        _draw(axes, panel)
    return layout.arrange(made, lines, [_PLOT_IN] * len(lines))


def _draw(axes: Axes, panel: LatencyPanel) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for curve in panel.curves:
        axes.step(
            curve.latencies_ms,
            curve.shares,
            where="post",
            label=curve.arm,
            color=colour(curve.arm),
            linestyle=line_style(curve.arm),
            linewidth=2,
        )
    smallest = min(_LEAST_SHARE, *(curve.shares[-1] for curve in panel.curves))
    shown = {share: label for share, label in _SHARES.items() if share >= smallest}
    axes.set_yticks(list(shown), list(shown.values()))
    axes.set_ylim(smallest / 1.5, 1.3)
    _x_ticks(axes, panel)
    # A curve falls from the upper left to the lower right: the lower left corner is always free.
    axes.legend(loc="lower left", frameon=False, labelcolor="linecolor", handlelength=2.6)
    axes.set_title(panel.title)
    axes.set_xlabel("response time (ms, log scale)")
    axes.set_ylabel("share of answers slower")


def _x_ticks(axes: Axes, panel: LatencyPanel) -> None:
    """From the fastest answer to the slowest."""
    # A first interval of zero would stretch a logarithmic axis without end.
    low = min(value for curve in panel.curves for value in curve.latencies_ms if value > 0) / _MARGIN
    high = max(curve.latencies_ms[-1] for curve in panel.curves) * _MARGIN
    set_log_ticks(axes, low, high)
