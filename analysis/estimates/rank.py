"""Distribution-free bounds on quantiles from order statistics; nothing where values are too few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.estimates import CONFIDENCE


@dataclass(frozen=True)
class MedianInterval:
    """The median over boots; low and high are None where boots are too few. ``coverage`` is exact."""

    median: float
    low: float | None
    high: float | None
    coverage: float


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> MedianInterval:
    """Median with the narrowest symmetric pair of order statistics that holds it often enough.

    P(x_(r) <= median <= x_(n-r+1)) = 1 - 2 P(Binomial(n, 1/2) < r): David and Nagaraja, "Order
    Statistics", 3rd edition, section 7.1. Exact for every continuous distribution, and so never below
    ``confidence``; 95 % needs six values.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count = len(ordered)
    median = float(np.median(ordered)) if count else math.nan
    rank = median_rank(count, confidence)
    if rank is None:
        return MedianInterval(median, None, None, 0.0)
    coverage = 1 - 2 * float(special.bdtr(rank - 1, count, 0.5))
    return MedianInterval(median, float(ordered[rank - 1]), float(ordered[count - rank]), coverage)


def median_rank(count: int, confidence: float = CONFIDENCE) -> int | None:
    """The largest r (from 1) whose order statistics x_(r), x_(n-r+1) bound the median; None: too few."""
    ranks = np.arange(1, count // 2 + 1)
    enough = ranks[special.bdtr(ranks - 1, count, 0.5) <= (1 - confidence) / 2]
    return int(enough[-1]) if len(enough) else None


def samples_needed(percentile: float, confidence: float = CONFIDENCE) -> int:
    """Fewest samples whose maximum bounds ``percentile`` (0 to 100) from above with ``confidence``.

    The smallest n with 1 - (percentile/100)^n >= confidence: Wilks, "Determination of sample sizes
    for setting tolerance limits", Annals of Mathematical Statistics 12, 1941. It counts independent
    samples; answers of one boot are less than that, so it is a floor.
    """
    return math.ceil(math.log(1 - confidence) / math.log(percentile / 100))
