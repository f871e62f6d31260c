"""What all figures share: colours per arm, sizes, and the way into the page as inline SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

# Okabe and Ito, "Color universal design", 2008: told apart by all common kinds of colour vision.
# An arm has the same colour and marker in every figure of every report.
_COLOURS = {
    "docker": "#0072B2",
    "linux-qemu": "#D55E00",
    "osv-qemu": "#009E73",
    "linux-xenserver": "#E69F00",
    "osv-xenserver": "#CC79A7",
}
_MARKERS = {
    "docker": "o",
    "linux-qemu": "s",
    "osv-qemu": "D",
    "linux-xenserver": "^",
    "osv-xenserver": "v",
}
_LINE_STYLES: dict[str, LineStyleType] = {
    "docker": "-",
    "linux-qemu": "--",
    "osv-qemu": "-.",
    "linux-xenserver": ":",
    "osv-xenserver": (0, (6, 1, 1, 1, 1, 1)),
}

INK, FAINT, GRID = "#222222", "#767676", "#dddddd"
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
    return _COLOURS[arm]


def marker(arm: str) -> str:
    """The arm's marker, so that print without colour can be read too."""
    return _MARKERS[arm]


def line_style(arm: str) -> LineStyleType:
    """The arm's line style, for the same reason."""
    return _LINE_STYLES[arm]


@contextmanager
def styled() -> Iterator[None]:
    """Figures made and written inside have the report's look, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def figure(height_in: float) -> Figure:
    """An empty figure as wide as the page's column."""
    made = Figure(figsize=(WIDTH_IN, height_in))
    made.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    return made


def svg(name: str, title: str, draw: Callable[[], Figure]) -> Markup:
    """What ``draw`` makes, as an ``<svg>`` element for the page: the same bytes for the same figure.

    Args:
        name: unique in the page; prefixed to every id, since inline figures share one name space.
        title: read out in place of the picture.
        draw: makes the figure; called with the report's style in force.
    """
    buffer = io.StringIO()
    with styled():
        draw().savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    # The page's style sheet sets the size and the typeface.
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", text, count=1)
    label = Markup.escape(title)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def grouped_thousands(value: float, _position: float = 0) -> str:
    """A tick's label: 1250.0 reads 1,250."""
    return f"{value:,.10g}"
