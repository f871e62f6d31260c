"""Rates of rare events."""

from __future__ import annotations

import math

from scipy import special

from analysis.estimates import CONFIDENCE


def poisson_rate_interval(
    events: int, exposure: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Exact two-sided interval of a Poisson rate, in events per unit of ``exposure``.

    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936. No exposure gives
    (0, infinity).
    """
    if exposure <= 0:
        return 0.0, math.inf
    tail = (1 - confidence) / 2
    low = float(special.chdtri(2 * events, 1 - tail)) / 2 if events else 0.0
    high = float(special.chdtri(2 * events + 2, tail)) / 2
    return low / exposure, high / exposure
