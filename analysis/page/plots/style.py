"""What all figures share: colours per arm, sizes, and the ways out: inline SVG, an SVG file, a CSV file."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import polars as pl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from analysis.page.plots.tips import with_tips
from contracts.platforms import PLATFORMS, look_of

# Unikernels that a study supplies have names of their own: one of these each, by the name alone.
_PREBUILT_COLOURS = ("#7B5CD6", "#8A6D3B", "#56B4E9", "#B02E6B")
_PREBUILT_DARK_COLOURS = ("#a890f0", "#c8a870", "#8fd0f8", "#e878a8")
_PREBUILT_MARKERS = ("P", "X", "*", "h", "p")
_PREBUILT_LINE_STYLE: LineStyleType = (0, (3, 1, 1, 1))

INK, FAINT, GRID, SHADE, PAPER = "#222222", "#767676", "#dddddd", "#eeeeee", "#ffffff"
_DARK_INKS = {INK: "#e6e6e6", FAINT: "#9aa0a6", GRID: "#3a3d41", SHADE: "#2b2e32", PAPER: "#17191c"}
_INK_NAMES = {INK: "ink", FAINT: "soft", GRID: "grid", SHADE: "shade", PAPER: "paper"}
WIDTH_IN = 10.0

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: searchable, and in the page's own typeface
    "svg.hashsalt": "unilab",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else every label is measured to find room for it
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def colour(arm: str) -> str:
    """The arm's colour."""
    look = look_of(arm)
    return look.colour if look else _PREBUILT_COLOURS[_number(arm) % len(_PREBUILT_COLOURS)]


def marker(arm: str) -> str:
    """The arm's marker, so that print without colour can be read too."""
    number = _number(arm) // len(_PREBUILT_COLOURS)
    look = look_of(arm)
    return look.marker if look else _PREBUILT_MARKERS[number % len(_PREBUILT_MARKERS)]


def line_style(arm: str) -> LineStyleType:
    """The arm's line style, for the same reason."""
    look = look_of(arm)
    return look.line_style if look else _PREBUILT_LINE_STYLE


def _number(arm: str) -> int:
    """A number that depends on the name alone, the same on every machine."""
    return zlib.crc32(arm.encode())


@contextmanager
def styled() -> Iterator[None]:
    """Figures made and written inside have the report's look, whatever the user's matplotlibrc sets."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


@dataclass(frozen=True)
class Drawn:
    """A figure in every form: ``inline`` for the page, ``file`` a complete SVG file, ``data``."""

    name: str
    inline: Markup
    file: str
    data: pl.DataFrame


@dataclass(frozen=True)
class Sketch:
    """A figure that is still to be drawn.

    Attributes:
        name: unique in the page and among files; prefixed to every id, since inline figures share one
            name space.
        title: read out in place of the picture.
        data: the values that are drawn, tidy, units in the column names.
        draw: makes the figure of ``arguments``, plain values that another process can be given.
    """

    name: str
    title: str
    data: pl.DataFrame
    draw: Callable[..., Figure]
    arguments: tuple[object, ...]

    @property
    def task(self) -> tuple[str, str, Callable[..., Figure], tuple[object, ...]]:
        """What ``picture`` needs; the data stay, for a table belongs to the process that made it."""
        return self.name, self.title, self.draw, self.arguments


def picture(
    name: str, title: str, draw: Callable[..., Figure], arguments: tuple[object, ...]
) -> tuple[Markup, str]:
    """``Drawn.inline`` and ``Drawn.file`` of a Sketch: the same bytes for the same figure."""
    buffer = io.StringIO()
    with styled():
        figure = draw(*arguments)
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = with_tips(figure, buffer.getvalue())
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    label = Markup.escape(title)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    file = text.replace("<svg ", f'<svg style="background: {PAPER}" ', 1)
    return _inline(name, text), f'<?xml version="1.0" encoding="utf-8"?>\n{file}'


def palette() -> tuple[dict[str, str], dict[str, str]]:
    """Custom properties of the page's style sheet, light and dark, by name."""
    arms = [arm for platform in PLATFORMS.values() for arm in platform.arms]
    light = {f"arm-{arm.name}": arm.look.colour for arm in arms}
    dark = {f"arm-{arm.name}": arm.look.dark_colour for arm in arms}
    light |= {f"arm-prebuilt-{at}": value for at, value in enumerate(_PREBUILT_COLOURS)}
    dark |= {f"arm-prebuilt-{at}": value for at, value in enumerate(_PREBUILT_DARK_COLOURS)}
    light |= {name: value for value, name in _INK_NAMES.items()}
    dark |= {name: _DARK_INKS[value] for value, name in _INK_NAMES.items()}
    return light, dark


def _inline(name: str, text: str) -> Markup:
    """Ids made unique, colours left to the page's light and dark, size and typeface to its style sheet."""
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", text, count=1)
    names = {value.lower(): key for key, value in palette()[0].items()}
    return Markup(re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda found: _custom(found[0], names), text))


def _custom(colour_: str, names: dict[str, str]) -> str:
    return f"var(--{names[colour_]})" if colour_ in names else colour_


def grouped_thousands(value: float, _position: float = 0) -> str:
    """A tick's label: 1250.0 reads 1,250."""
    return f"{value:,.10g}"
