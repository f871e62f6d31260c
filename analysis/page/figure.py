"""A figure of the page: what it is called, what it shows, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.page.facts import PageFacts
from analysis.page.plots.style import Drawn, Sketch


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: unique in the page and among files; templates place it by this name.
        caption: under the picture.
        absent: in place of it where there is nothing to show.
        sketch: makes it; None where there is nothing to show.
        compares: whether it needs comparisons, which are computed while the other figures are drawn.
    """

    name: str
    caption: str
    absent: str
    sketch: Callable[[PageFacts], Sketch | None]
    compares: bool = False


@dataclass(frozen=True)
class PlacedFigure:
    """A figure as templates place it; ``folder``: of its files, as the page links to it."""

    caption: str
    absent: str
    drawn: Drawn | None
    folder: str
