"""The break-even drawn: up to how many containers unikernels need less memory, over OS - HV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.estimates.break_even import BreakEven
from analysis.page.plots import layout
from analysis.page.plots.style import FAINT, colour, grouped_thousands

_PLOT_IN, _COLUMNS = 1.9, 3
_MOST_GIB = 4.0
_LINE_STYLES = ("-", "--", ":")


@dataclass(frozen=True)
class Line:
    """K* per GiB of OS - HV for one number of unikernels per container."""

    unikernels: int
    per_gib: BreakEven


@dataclass(frozen=True)
class BreakEvenPanel:
    """The lines of one service and arm."""

    title: str
    arm: str
    lines: Sequence[Line]


def break_even_data(panels: Sequence[BreakEvenPanel]) -> pl.DataFrame:
    """What is drawn: K* per GiB that the hypervisor's host needs less; infinite ends are null."""
    rows = [
        (panel.title, panel.arm, line.unikernels, *map(_finite, _ends(line.per_gib)))
        for panel in panels
        for line in panel.lines
    ]
    names = ("service", "arm", "unikernels_per_container", "containers_per_gib", "low", "high")
    kinds = (pl.String, pl.String, pl.Int64, pl.Float64, pl.Float64, pl.Float64)
    return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")


def break_even_figure(panels: Sequence[BreakEvenPanel]) -> Figure:
    """One panel per service and arm, at least one in all."""
    made, lines = layout.panels(layout.in_lines(len(panels), _COLUMNS))
    for panel, axes in zip(panels, chain(*lines), strict=True):
        _draw(axes, panel)
    return layout.arrange(made, lines, [_PLOT_IN] * len(lines))


def _draw(axes: Axes, panel: BreakEvenPanel) -> None:
    tops = [end * _MOST_GIB for line in panel.lines for end in _ends(line.per_gib) if math.isfinite(end)]
    top = max(tops, default=1.0) * 1.1 or 1.0
    for line, style in zip(panel.lines, _LINE_STYLES, strict=False):
        value, low, high = (min(end * _MOST_GIB, 2 * top) for end in _ends(line.per_gib))
        label = f"{line.unikernels} unikernel{'s' * (line.unikernels != 1)} each"
        axes.plot([0, _MOST_GIB], [0, value], style, color=colour(panel.arm), linewidth=2, label=label)
        if not line.per_gib.insufficient:
            axes.fill_between(
                [0, _MOST_GIB], [0, low], [0, high], color=colour(panel.arm), alpha=0.15, linewidth=0
            )
    axes.set_title(panel.title, fontsize=10.5)
    axes.set_xlim(0, _MOST_GIB)
    axes.set_ylim(0, top)
    axes.set_xlabel("OS - HV (GiB)")
    axes.set_ylabel("containers replaced", color=FAINT)
    axes.yaxis.set_major_formatter(grouped_thousands)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _ends(found: BreakEven) -> tuple[float, float, float]:
    """Value and interval; where unikernels win only beyond a number there is nothing to draw from zero."""
    return tuple(0.0 if math.isnan(end) else end for end in (found.value, found.low, found.high))  # type: ignore[return-value]


def _finite(end: float) -> float | None:
    return end if math.isfinite(end) else None
