"""How many boots a difference needs, and which difference so many boots can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.estimates import CONFIDENCE
from analysis.estimates.ratio import MINIMUM_BOOTS, logarithms

POWER = 0.8
MOST_BOOTS = 100_000
_UPPER_LIMIT_OF_SPREAD = 0.8


@dataclass(frozen=True)
class Spread:
    """Variation between boots: standard deviation of the logarithm, so 0.02 is about 2 %.

    Attributes:
        spread: pooled over the pilot's cells.
        upper: its one-sided 80 % limit. Planning with it, four pilots of five get the power they ask
            for; with ``spread`` itself half of them fall short.
        degrees_of_freedom: boots less cells.
    """

    spread: float
    upper: float
    degrees_of_freedom: int


def pooled_spread(cells: Sequence[Sequence[float]]) -> Spread | None:
    """Pooled spread between boots of cells with positive values; None where no cell has two boots.

    The limit is that of a variance by chi squared: Browne, "On the use of a pilot sample for sample size
    determination", Statistics in Medicine 14, 1995.
    """
    logs = [logarithms(values) for values in cells if len(values) >= MINIMUM_BOOTS]
    freedom = sum(len(values) - 1 for values in logs)
    if not freedom:
        return None
    squares = sum(float(np.sum((values - values.mean()) ** 2)) for values in logs)
    limit = float(special.chdtri(freedom, _UPPER_LIMIT_OF_SPREAD))
    return Spread(math.sqrt(squares / freedom), math.sqrt(squares / limit), freedom)


def power_of(boots: int, spread: float, ratio: float, confidence: float = CONFIDENCE) -> float:
    """Chance that ``boots`` per arm tell a true ``ratio`` from 1, at ``spread`` in both arms.

    Noncentral t with 2k - 2 degrees of freedom: Cohen, "Statistical Power Analysis", 2nd edition, 1988.
    """
    freedom = 2 * boots - 2
    shift = abs(math.log(ratio)) / (spread * math.sqrt(2 / boots))
    critical = float(special.stdtrit(freedom, (1 + confidence) / 2))
    # Far out scipy's noncentral t has no digits left; there the test cannot fail.
    if shift > critical + 30:
        return 1.0
    beyond = 1 - float(special.nctdtr(freedom, shift, critical))
    below = float(special.nctdtr(freedom, shift, -critical))
    return min(1.0, beyond + (below if math.isfinite(below) else 0.0))


def boots_needed(spread: float, ratio: float, power: float = POWER) -> int | None:
    """Fewest boots per arm that tell ``ratio`` from 1 with ``power``; None above MOST_BOOTS."""
    if ratio == 1 or power_of(MOST_BOOTS, spread, ratio) < power:
        return None
    low, high = MINIMUM_BOOTS, MOST_BOOTS
    while low < high:
        middle = (low + high) // 2
        if power_of(middle, spread, ratio) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def smallest_ratio(boots: int, spread: float, power: float = POWER) -> float | None:
    """The smallest ratio above 1 that ``boots`` per arm tell from 1 with ``power``; None: beyond 1000."""
    if boots < MINIMUM_BOOTS or power_of(boots, spread, 1000.0) < power:
        return None
    # Slow to load, and no report asks.
    from scipy import optimize

    found = optimize.brentq(lambda log: power_of(boots, spread, math.exp(log)) - power, 1e-9, math.log(1000))
    return math.exp(float(found))
