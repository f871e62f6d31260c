"""The ratio of two arms with its interval, the test that they are the same, and Cliff's delta."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.estimates import CONFIDENCE
from analysis.estimates.blocked import Estimate, Method, welch_estimate

Array = npt.NDArray[np.float64]

MINIMUM_BOOTS = 2
EQUIVALENCE_MARGIN = 0.03
_LARGEST_MARGIN = math.log(np.finfo(float).max) / 2


@dataclass(frozen=True)
class RatioInterval:
    """A ratio other / base of geometric means over boots, with its interval.

    Attributes:
        ratio: the point, exp of ``method``'s difference of log means; NaN where one side has no boot. Where
            no boot is missing it is the quotient of the geometric means by every method.
        low, high: the 95 % interval; 0 and infinity where there are too few boots.
        degrees_of_freedom: of ``standard_error``; NaN where there is no interval.
        boots_other, boots_base: values on each side.
        standard_error: of the logarithm of the ratio; NaN where there is no interval.
        method: of analysis.estimates.blocked.
    """

    ratio: float
    low: float
    high: float
    degrees_of_freedom: float
    boots_other: int
    boots_base: int
    standard_error: float = math.nan
    method: Method = "welch"

    @property
    def insufficient(self) -> bool:
        """Whether there is no interval at all."""
        return not math.isfinite(self.high)

    @property
    def excludes_one(self) -> bool:
        """Whether the interval excludes 1."""
        return self.low > 1 or self.high < 1

    @property
    def half_width(self) -> float:
        """Half of the interval, as a share of the ratio: 0.05 is 5 %; infinity where there is none."""
        return self.high / self.ratio - 1 if not self.insufficient else math.inf

    def p_value_beyond(self, allowance: float = 0.0) -> float:
        """Of the hypothesis that the ratio is 1 but for a bias of at most ``allowance``, on the logarithm.

        Student's t; 1 where there is no interval.
        """
        if self.insufficient or not self.standard_error > 0:
            return 1.0
        beyond = max(abs(math.log(self.ratio)) - allowance, 0.0)
        return 2 * float(special.stdtr(self.degrees_of_freedom, -beyond / self.standard_error))

    def inverted(self) -> RatioInterval:
        """The ratio base / other."""
        low, high = (0.0, math.inf) if self.insufficient else (1 / self.high, 1 / self.low)
        return replace(
            self,
            ratio=1 / self.ratio,
            low=low,
            high=high,
            boots_other=self.boots_base,
            boots_base=self.boots_other,
        )

    def ends(self, confidence: float) -> tuple[float, float]:
        """The interval at another confidence; (0, infinity) where there is none."""
        if self.insufficient or math.isnan(self.standard_error):
            return 0.0, math.inf
        width = float(special.stdtrit(self.degrees_of_freedom, (1 + confidence) / 2)) * self.standard_error
        if width > _LARGEST_MARGIN:
            return 0.0, math.inf
        return self.ratio * math.exp(-width), self.ratio * math.exp(width)

    def widened(self, allowance: float) -> RatioInterval:
        """Both ends moved outwards by ``allowance``, on the logarithm: a bias that is possible on top."""
        if not allowance or self.insufficient:
            return self
        if not allowance <= _LARGEST_MARGIN:
            return replace(self, low=0.0, high=math.inf)
        factor = math.exp(allowance)
        return replace(self, low=self.low / factor, high=self.high * factor)

    def same_within(self, margin: float) -> bool | None:
        """Whether the ratio lies between 1 / (1 + margin) and 1 + margin; None: no interval.

        Two one-sided tests at 5 % each: the 90 % interval lies inside the margin. Schuirmann, "A comparison
        of the two one-sided tests procedure and the power approach", J. Pharmacokinetics and
        Biopharmaceutics 15, 1987. False means "not shown", never "different".
        """
        if self.insufficient:
            return None
        low, high = self.ends(2 * CONFIDENCE - 1)
        return low > 1 / (1 + margin) and high < 1 + margin


def no_interval(ratio: float, boots_other: int, boots_base: int) -> RatioInterval:
    """A ratio whose boots give no interval."""
    return RatioInterval(ratio, 0.0, math.inf, math.nan, boots_other, boots_base)


def interval_of(found: Estimate, boots: tuple[int, int], method: Method = "welch") -> RatioInterval:
    """The ratio of a difference of log means with its standard error; no interval where it is not finite."""
    error, freedom = float(found.standard_error), float(found.freedom)
    ratio = math.exp(float(found.difference))
    with np.errstate(invalid="ignore"):
        width = float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    if not width <= _LARGEST_MARGIN:
        return no_interval(ratio, *boots)
    low, high = ratio * math.exp(-width), ratio * math.exp(width)
    return RatioInterval(ratio, low, high, freedom, *boots, error, method)


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


def ratio_of_means_interval(other: Sequence[float], base: Sequence[float]) -> RatioInterval:
    """Ratio of the geometric means of two independent sets of boots, with Welch's t interval on logarithms.

    Boots as the unit by Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013.

    Boots that agree to the last digit on both sides give no interval: they show the resolution of the
    measurement, not that nothing varies.

    Args:
        other: one positive value per boot of the numerator's arm.
        base: the same for the denominator's arm, in the same unit.

    Raises:
        ValueError: a value is not positive.
    """
    boots = len(other), len(base)
    if min(boots) < MINIMUM_BOOTS or max(np.ptp(other), np.ptp(base)) == 0:
        return no_interval(geometric_mean(other) / geometric_mean(base), *boots)
    found = welch_estimate(logarithms(other), logarithms(base))
    return interval_of(found, boots)


def upper_limit(values: Sequence[float], confidence: float = CONFIDENCE) -> float:
    """One-sided upper limit of the geometric mean over boots, by Student's t on logarithms; infinite for one.

    It takes one value per boot, such as its p99. Merged boots would give a limit that is too low: answers of
    one boot depend on each other, and boots differ.
    """
    if len(values) < MINIMUM_BOOTS:
        return math.inf
    logs = logarithms(values)
    width = float(special.stdtrit(len(logs) - 1, confidence) * logs.std(ddof=1)) / math.sqrt(len(logs))
    return math.exp(float(logs.mean()) + width)


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
