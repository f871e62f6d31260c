"""Ticks of logarithmic axes: plain numbers, three at least, and not so many that their labels touch."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))
_LEAST, _MOST = 3, 9


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers from ``low`` to ``high``, both positive: the densest steps that are not too many.

    A range that holds fewer than three of them gets evenly spaced ones.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[list[float]] = []
    for steps in _STEPS:
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        found.append([tick for tick in ticks if low <= tick <= high])
    fitting = [ticks for ticks in found if _LEAST <= len(ticks) <= _MOST]
    if fitting:
        return fitting[-1] if len(decades) <= 4 else fitting[0]
    if len(found[0]) > _MOST:
        return found[0][:: math.ceil(len(found[0]) / _MOST)]
    even = MaxNLocator(nbins=5, min_n_ticks=_LEAST).tick_values(low, high)
    return [float(tick) for tick in even if low <= tick <= high]


def set_log_ticks(axes: Axes, low: float, high: float) -> None:
    """Limits and ticks of the horizontal axis."""
    shown = log_ticks(low, high)
    axes.set_xlim(low, high)
    axes.set_xticks(shown, [f"{tick:,.6g}" for tick in shown])
    axes.minorticks_off()
