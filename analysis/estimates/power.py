"""How many boots a half-width needs: planning by precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from analysis.estimates import CONFIDENCE
from analysis.estimates.ratio import MINIMUM_BOOTS, RatioInterval

MOST_BOOTS = 100_000
_UPPER_LIMIT = 0.8


@dataclass(frozen=True)
class Residual:
    """Variation of a boot that its block does not explain, as a standard deviation of the logarithm.

    Attributes:
        spread: of one boot, pooled over the comparisons of a service; 0.02 is about 2 %.
        upper: its one-sided 80 % limit. Half of all pilots find less variation than there is; four of five
            plans that use the limit reach their half-width.
        freedom: degrees of freedom.
    """

    spread: float
    upper: float
    freedom: float


def residual(intervals: Sequence[RatioInterval]) -> Residual | None:
    """From the blocked standard errors of one service's ratios; None where none has an interval.

    The limit is that of a variance by chi squared: Browne, "On the use of a pilot sample for sample size
    determination", Statistics in Medicine 14, 1995. Ratios that share an arm share boots, so the degrees of
    freedom are the mean of theirs and not the sum.
    """
    known = [row for row in intervals if not row.insufficient and row.standard_error > 0]
    if not known:
        return None
    variance = sum(spread_of(row) ** 2 for row in known) / len(known)
    freedom = sum(row.degrees_of_freedom for row in known) / len(known)
    limit = float(special.chdtri(freedom, _UPPER_LIMIT))
    return Residual(math.sqrt(variance), math.sqrt(variance * freedom / limit), freedom)


def half_width(spread: float, boots: int) -> float:
    """Expected half-width of a ratio's 95 % interval, as a share: 0.05 is 5 %.

    exp(t(2k - 2) x s x sqrt(2 / k)) - 1, for ``boots`` k of each arm; infinity for one boot.
    """
    if boots < MINIMUM_BOOTS:
        return math.inf
    width = float(special.stdtrit(2 * boots - 2, (1 + CONFIDENCE) / 2)) * spread * math.sqrt(2 / boots)
    return math.expm1(width) if width < 700 else math.inf


def boots_for(spread: float, wanted: float) -> int | None:
    """Fewest boots of each arm whose half-width is at most ``wanted``; None above MOST_BOOTS."""
    if half_width(spread, MOST_BOOTS) > wanted:
        return None
    low, high = MINIMUM_BOOTS, MOST_BOOTS
    while low < high:
        middle = (low + high) // 2
        if half_width(spread, middle) <= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def spread_of(found: RatioInterval) -> float:
    """Standard error of a ratio as the variation of one boot of each arm."""
    return found.standard_error / math.sqrt(1 / found.boots_other + 1 / found.boots_base)
