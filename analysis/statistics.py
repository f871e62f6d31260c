"""The estimators of the report, each with its source and a simulation or a table that tests it.

The unit is a fresh boot: every function takes one value per boot. Where there are too few, the
interval is infinite rather than a guess (the habit of airspeed velocity's ``asv``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
MINIMUM_BOOTS = 2


@dataclass(frozen=True)
class RatioInterval:
    """A ratio other / base of geometric means over boots, with its interval.

    Attributes:
        ratio: the quotient of the geometric means; NaN where one side has no boot.
        low, high: the interval; 0 and infinity where there are too few boots.
        degrees_of_freedom: Welch-Satterthwaite; NaN where there is no interval.
        boots_other, boots_base: values on each side.
    """

    ratio: float
    low: float
    high: float
    degrees_of_freedom: float
    boots_other: int
    boots_base: int

    @property
    def insufficient(self) -> bool:
        """Whether there is no interval at all."""
        return not math.isfinite(self.high)

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 1."""
        return self.low > 1 or self.high < 1


def geometric_mean(values: Sequence[float]) -> float:
    """Exponential of the mean logarithm; NaN for no values. Raises ValueError for one not positive."""
    if not values:
        return math.nan
    return math.exp(float(np.mean(_logarithms(values))))


def ratio_of_means_interval(
    other: Sequence[float], base: Sequence[float], confidence: float = CONFIDENCE
) -> RatioInterval:
    """Ratio of the geometric means of two independent sets of boots, with Welch's t interval.

    d +- t * sqrt(s_a^2/k_a + s_b^2/k_b) on logarithms, exponentiated. Welch, "The generalization of
    'Student's' problem when several different population variances are involved", Biometrika 34,
    1947; degrees of freedom by Satterthwaite, Biometrics Bulletin 2, 1946; boots as the unit by
    Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013.

    Boots that agree to the last digit on both sides give no interval either: they show the
    resolution of the measurement, not that nothing varies.

    Args:
        other: one positive value per boot of the numerator's arm.
        base: the same for the denominator's arm, in the same unit.
        confidence: nominal coverage of the two-sided interval.

    Raises:
        ValueError: a value is not positive.
    """
    ratio = geometric_mean(other) / geometric_mean(base)
    none = RatioInterval(ratio, 0.0, math.inf, math.nan, len(other), len(base))
    if min(len(other), len(base)) < MINIMUM_BOOTS:
        return none
    logarithms = (_logarithms(other), _logarithms(base))
    variances = [float(np.var(values, ddof=1)) / len(values) for values in logarithms]
    total = sum(variances)
    if total == 0:
        return none
    freedom = total**2 / sum(
        variance**2 / (len(values) - 1) for variance, values in zip(variances, logarithms, strict=True)
    )
    margin = float(stats.t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(total)
    if margin > math.log(np.finfo(float).max) / 2:
        return none
    return RatioInterval(
        ratio, ratio * math.exp(-margin), ratio * math.exp(margin), freedom, len(other), len(base)
    )


def cliffs_delta(other: Sequence[float], base: Sequence[float]) -> float:
    """Share of pairs in which ``other`` is larger, less the share in which it is smaller: -1 to 1.

    Cliff, "Dominance statistics: ordinal analyses to answer ordinal questions", Psychological
    Bulletin 114, 1993. NaN where one side has no value.
    """
    if not other or not base:
        return math.nan
    return float(np.mean(np.sign(np.subtract.outer(np.asarray(other), np.asarray(base)))))


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
    low = float(stats.chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    high = float(stats.chi2.ppf(1 - tail, 2 * events + 2)) / 2
    return low / exposure, high / exposure


def samples_needed(percentile: float, confidence: float = CONFIDENCE) -> int:
    """Fewest samples whose maximum bounds ``percentile`` (0 to 100) from above with ``confidence``.

    The smallest n with 1 - (percentile/100)^n >= confidence: Wilks, "Determination of sample sizes
    for setting tolerance limits", Annals of Mathematical Statistics 12, 1941. It counts independent
    samples; answers of one boot are less than that, so it is a floor.
    """
    return math.ceil(math.log(1 - confidence) / math.log(percentile / 100))


def _logarithms(values: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if min(values) <= 0:
        raise ValueError("a ratio of geometric means needs positive values")
    return np.log(np.asarray(values, dtype=np.float64))
