"""Tooltips: a text for each point of a figure, which browsers show without a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from markupsafe import escape
from matplotlib.artist import Artist
from matplotlib.figure import Figure

_TEXTS: WeakKeyDictionary[Figure, list[Sequence[str]]] = WeakKeyDictionary()
_POINT = re.compile(r"<use ([^>]*)/>")


def add_tips(figure: Figure, artist: Artist, texts: Sequence[str]) -> None:
    """Give ``artist`` a text for each of its markers, in their order; or one text for all of it."""
    known = _TEXTS.setdefault(figure, [])
    artist.set_gid(f"tip-{len(known)}")
    known.append(texts)


def with_tips(figure: Figure, svg: str) -> str:
    """The SVG that Matplotlib wrote of ``figure``, with every text as the ``<title>`` of its point."""
    for number, texts in enumerate(_TEXTS.get(figure, ())):
        start = svg.find(f'<g id="tip-{number}">')
        if start >= 0:
            svg = svg[:start] + _titled(svg[start:], texts)
    return svg


def _titled(svg: str, texts: Sequence[str]) -> str:
    """``svg`` begins with the group of an artist."""
    if len(texts) == 1 and not svg[: svg.index("</g>")].count("<use "):
        return svg.replace(">", f"><title>{escape(texts[0])}</title>", 1)
    left = iter(texts)
    return _POINT.sub(
        lambda found: f"<use {found[1]}><title>{escape(next(left))}</title></use>", svg, len(texts)
    )
