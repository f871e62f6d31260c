"""The ratio of two arms: Welch's interval, the test that two arms are the same, and Cliff's delta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.estimates import CONFIDENCE

Array = npt.NDArray[np.float64]

MINIMUM_BOOTS = 2
EQUIVALENCE_MARGIN = 0.03
_LARGEST_MARGIN = math.log(np.finfo(float).max) / 2


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
    if not len(values):
        return math.nan
    return math.exp(float(np.mean(logarithms(values))))


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Geometric mean over boots and its t interval on logarithms; (mean, 0, infinity) for one boot.

    Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    logs = logarithms(values)
    mean, count = math.exp(float(logs.mean())), len(logs)
    if count < MINIMUM_BOOTS:
        return mean, 0.0, math.inf
    width = float(special.stdtrit(count - 1, (1 + confidence) / 2) * logs.std(ddof=1)) / math.sqrt(count)
    return mean, mean * math.exp(-width), mean * math.exp(width)


def welch(other: Array, base: Array, confidence: float = CONFIDENCE) -> tuple[Array, Array, Array]:
    """Difference of means, half width of its interval, and degrees of freedom, along the last axis.

    d +- t * sqrt(s_a^2/k_a + s_b^2/k_b). Welch, "The generalization of 'Student's' problem when several
    different population variances are involved", Biometrika 34, 1947; degrees of freedom by
    Satterthwaite, Biometrics Bulletin 2, 1946. Where neither side varies the width is NaN.

    Args:
        other, base: shape (..., boots), two boots at least on each side.
        confidence: nominal coverage of the two-sided interval.
    """
    boots = other.shape[-1], base.shape[-1]
    of_means = [
        np.var(side, axis=-1, ddof=1) / count for side, count in zip((other, base), boots, strict=True)
    ]
    total = of_means[0] + of_means[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = total**2 / sum(part**2 / (count - 1) for part, count in zip(of_means, boots, strict=True))
    width = special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(total)
    return np.mean(other, axis=-1) - np.mean(base, axis=-1), width, freedom


def ratio_of_means_interval(
    other: Sequence[float], base: Sequence[float], confidence: float = CONFIDENCE
) -> RatioInterval:
    """Ratio of the geometric means of two independent sets of boots, with Welch's t interval.

    Welch's interval on logarithms, exponentiated; boots as the unit by Kalibera and Jones, "Rigorous
    benchmarking in reasonable time", ISMM 2013.

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
    if min(len(other), len(base)) < MINIMUM_BOOTS or max(np.ptp(other), np.ptp(base)) == 0:
        return none
    _, width, freedom = (float(part) for part in welch(logarithms(other), logarithms(base), confidence))
    if not width <= _LARGEST_MARGIN:
        return none
    return RatioInterval(
        ratio, ratio * math.exp(-width), ratio * math.exp(width), freedom, len(other), len(base)
    )


def same_within(
    other: Sequence[float], base: Sequence[float], margin: float = EQUIVALENCE_MARGIN
) -> bool | None:
    """Whether two arms are the same within ``margin`` (0.03: a ratio from 1/1.03 to 1.03); None: too few.

    Two one-sided tests at 5 % each: the 90 % interval lies inside the margin. Schuirmann, "A comparison
    of the two one-sided tests procedure and the power approach", J. Pharmacokinetics and
    Biopharmaceutics 15, 1987. False means "not shown", never "different".
    """
    found = ratio_of_means_interval(other, base, 2 * CONFIDENCE - 1)
    if found.insufficient:
        return None
    return found.low > 1 / (1 + margin) and found.high < 1 + margin


def cliffs_delta(other: Sequence[float], base: Sequence[float]) -> float:
    """Share of pairs in which ``other`` is larger, less the share in which it is smaller: -1 to 1.

    Cliff, "Dominance statistics: ordinal analyses to answer ordinal questions", Psychological
    Bulletin 114, 1993. NaN where one side has no value.
    """
    if not len(other) or not len(base):
        return math.nan
    ordered = np.sort(np.asarray(base, dtype=np.float64))
    above, not_below = (int(np.searchsorted(ordered, other, side).sum()) for side in ("left", "right"))
    pairs = len(other) * len(base)
    return (above - (pairs - not_below)) / pairs


def logarithms(values: Sequence[float]) -> Array:
    """Natural logarithms. Raises ValueError for a value that has none."""
    array = np.asarray(values, dtype=np.float64)
    if array.min() <= 0:
        raise ValueError("a ratio of geometric means needs positive values")
    return np.log(array)
