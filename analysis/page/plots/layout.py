"""Layout of a figure's panels: in lines, with room for titles and labels by the number of their letters.

Matplotlib's constrained layout measures every text several times, which takes longer than to draw it; and
the page sets the texts in the reader's typeface anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from analysis.page.plots.style import WIDTH_IN

Lines = list[list[Axes]]

# DejaVu Sans, the widest typeface that a figure is likely to be set in: an average letter, a line of text.
_LETTER_EM, _LINE_EM = 0.6, 1.25
_POINTS_PER_IN = 72.0
_TICK_PT, _TITLE_PT, _PAD_PT = 11.0, 12.0, 7.0
_EDGE_IN, _BETWEEN_LINES_IN = 0.08, 0.14
_LEAST_LETTERS, _LEAST_RIGHT_IN = 4, 0.22


def panels(counts: Sequence[int]) -> tuple[Figure, Lines]:
    """A figure and its empty panels: ``counts`` is the number in each line."""
    made = Figure(figsize=(WIDTH_IN, 1))
    return made, [
        [made.add_axes((0, 0, 1, 1), label=f"{line}-{place}") for place in range(count)]
        for line, count in enumerate(counts)
    ]


def in_lines(amount: int, columns: int) -> list[int]:
    """So many panels, ``columns`` to a line: the counts of ``panels``."""
    return [min(columns, amount - start) for start in range(0, amount, columns)]


def arrange(
    made: Figure, lines: Lines, heights_in: Sequence[float], right_in: float = _LEAST_RIGHT_IN
) -> Figure:
    """Place the drawn panels and set the figure's height; return ``made``.

    Args:
        made: from ``panels``, as ``lines``, every label set.
        lines: its panels.
        heights_in: of the plotted area of each line.
        right_in: room to the right of each panel, for what is written there.
    """
    columns = max(map(len, lines))
    lefts = [max(_left_in(line[place]) for line in lines if place < len(line)) for place in range(columns)]
    width_in = (WIDTH_IN - 2 * _EDGE_IN - sum(lefts)) / columns - right_in
    tops = [max(map(_top_in, line)) for line in lines]
    bottoms = [max(map(_bottom_in, line)) for line in lines]
    gaps = _BETWEEN_LINES_IN * (len(lines) - 1)
    height_in = sum(tops) + sum(heights_in) + sum(bottoms) + gaps + 2 * _EDGE_IN
    made.set_size_inches(WIDTH_IN, height_in)
    above_in = _EDGE_IN
    for line, top, plot_in, bottom in zip(lines, tops, heights_in, bottoms, strict=True):
        foot_in = height_in - above_in - top - plot_in
        for place, axes in enumerate(line):
            left = _EDGE_IN + sum(lefts[: place + 1]) + place * (width_in + right_in)
            axes.set_position(
                (left / WIDTH_IN, foot_in / height_in, width_in / WIDTH_IN, plot_in / height_in)
            )
            _place_no_empty_label(axes)
        above_in += top + plot_in + bottom + _BETWEEN_LINES_IN
    return made


def lowest(lines: Lines) -> list[Axes]:
    """The last panel of each column, which names its axis."""
    return [[line[place] for line in lines if place < len(line)][-1] for place in range(max(map(len, lines)))]


def text_in(text: str, size_pt: float = _TICK_PT) -> float:
    """About how wide the longest line of a text is."""
    return max(map(len, text.split("\n"))) * size_pt * _LETTER_EM / _POINTS_PER_IN


def _place_no_empty_label(axes: Axes) -> None:
    """To find the place of an axis' label, empty or not, matplotlib measures all its ticks' labels."""
    for axis in (axes.xaxis, axes.yaxis):
        if not axis.get_label_text():
            axis.set_label_coords(0, 0)


def _left_in(axes: Axes) -> float:
    locator, formatter = axes.yaxis.get_major_locator(), axes.yaxis.get_major_formatter()
    if isinstance(locator, FixedLocator):
        names = [formatter(value, place) for place, value in enumerate(axes.get_yticks())]
    else:
        names = [f"{axes.get_ylim()[1]:,.0f}".rjust(_LEAST_LETTERS)]
    label = _line_in(_TICK_PT) if axes.get_ylabel() else 0.0
    return max(map(text_in, names), default=0.0) + _PAD_PT / _POINTS_PER_IN + label


def _top_in(axes: Axes) -> float:
    title = axes.get_title(loc="left")
    if not title:
        return 0.0
    return (title.count("\n") + 1) * _line_in(_TITLE_PT) + _PAD_PT / _POINTS_PER_IN


def _bottom_in(axes: Axes) -> float:
    label = _line_in(_TICK_PT) if axes.get_xlabel() else 0.0
    return _line_in(_TICK_PT) + _PAD_PT / _POINTS_PER_IN + label


def _line_in(size_pt: float) -> float:
    return size_pt * _LINE_EM / _POINTS_PER_IN
