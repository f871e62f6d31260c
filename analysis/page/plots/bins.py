"""The study's latency histogram: share of answers in bins of 50 ms, the first 5 ms apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl
from matplotlib.figure import Figure

from analysis.page.plots.layout import arrange, panels
from analysis.page.plots.style import INK, colour

EDGES_MS = (0.0, 5.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, float("inf"))
_LEAST_SHARE = 1e-6
_PLOT_IN = 2.9


@dataclass(frozen=True)
class Bars:
    """One cell: the share (0 to 1) of answers in each bin, and the study's where it gave one."""

    label: str
    arm: str
    shares: Sequence[float]
    paper: Sequence[float | None]


def bin_labels() -> list[str]:
    """``0-5`` to ``450+``."""
    ends = pairwise(EDGES_MS)
    return [f"{low:g}+" if high == float("inf") else f"{low:g}-{high:g}" for low, high in ends]


def bin_data(cells: Sequence[Bars]) -> pl.DataFrame:
    """What is drawn: one row per cell and bin."""
    rows = [
        (cell.label, label, share, paper)
        for cell in cells
        for label, share, paper in zip(bin_labels(), cell.shares, cell.paper, strict=True)
    ]
    schema = {"cell": pl.String, "bin_ms": pl.String, "share": pl.Float64, "study_share": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def bin_figure(cells: Sequence[Bars]) -> Figure:
    """Bars side by side on a logarithmic scale, at least one cell."""
    made, ((axes,),) = panels([1])
    width = 0.8 / len(cells)
    for number, cell in enumerate(cells):
        places = [place + (number - (len(cells) - 1) / 2) * width for place in range(len(cell.shares))]
        shown = [max(share, _LEAST_SHARE) for share in cell.shares]
        fade = 0.45 + 0.5 * (number + 1) / len(cells)
        axes.bar(places, shown, width, color=colour(cell.arm), alpha=fade, label=cell.label)
        known = [(place, share) for place, share in zip(places, cell.paper, strict=True) if share]
        if known:
            axes.plot(*zip(*known, strict=True), "x", color=INK, markersize=9, markeredgewidth=2)
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_SHARE, 1.5)
    ticks = {1.0: "100 %", 0.1: "10 %", 0.01: "1 %", 0.001: "0.1 %", 1e-4: "0.01 %", 1e-5: "0.001 %"}
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.set_xticks(range(len(bin_labels())), bin_labels())
    axes.set_xlabel("response time (ms)")
    axes.set_ylabel("share of answers")
    axes.legend(loc="upper right", frameon=False)
    return arrange(made, [[axes]], [_PLOT_IN])
