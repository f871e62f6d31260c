"""Numbers, ratios, intervals and counts as text."""

from __future__ import annotations

import math

from analysis.estimates.ratio import RatioInterval

NOTHING = "-"


def number(value: float | None, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits, thousands grouped; a hyphen for nothing."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def ratio(value: float) -> str:
    """A ratio with two decimals, more where two would make it 0 or 1 although it is neither."""
    if value < 0.1 or value >= 100:
        return number(value, 2)
    places = 2
    while round(value, places) == 1 and value != 1 and places < 5:
        places += 1
    return f"{value:.{places}f}"


def interval(found: RatioInterval) -> str:
    """The interval's ends, or why there is none."""
    if found.insufficient:
        return "insufficient"
    return f"{ratio(found.low)} to {ratio(found.high)}"


def count(amount: int, noun: str) -> str:
    """``1 trial``, ``2 trials``, ``no trial``."""
    return f"no {noun}" if amount == 0 else f"{amount:,} {noun}{'s' * (amount != 1)}"
