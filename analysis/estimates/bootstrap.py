"""A second opinion on a ratio: the hierarchical bootstrap, which assumes no distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.estimates import CONFIDENCE
from analysis.estimates.ratio import RatioInterval

Array = npt.NDArray[np.float64]

MINIMUM_BOOTS_FOR_BOOTSTRAP = 20
_RESAMPLES = 1000


@dataclass(frozen=True)
class Resampled:
    """One arm resampled many times: mean logarithms, shape (resamples,), that of its boots, and how many."""

    drawn: Array
    mean: float
    boots: int


def hierarchical_bootstrap(
    other: Array,
    base: Array,
    seed: int,
    confidence: float = CONFIDENCE,
    resamples: int = _RESAMPLES,
) -> RatioInterval:
    """Ratio of geometric means over boots of the boots' mean windows, with a percentile interval.

    Boots are drawn with replacement, then windows inside each drawn boot: Kalibera and Jones, "Rigorous
    benchmarking in reasonable time", ISMM 2013, section 6; Davison and Hinkley, "Bootstrap Methods and
    their Application", 1997, section 3.8; percentiles expanded by Hesterberg, "What teachers should know
    about the bootstrap", The American Statistician 69, 2015. Below 20 boots on a side its intervals are
    too short, so there are none.

    Args:
        other, base: shape (boots, windows), the throughput of each window of each boot, all positive
            in the mean; both in one unit.
        seed: the same seed gives the same interval.
        confidence: nominal coverage.
        resamples: how many times the whole is resampled.
    """
    sides = [
        resample(side, np.random.default_rng([seed, place]), resamples)
        for place, side in enumerate((other, base))
    ]
    return ratio_of_resampled(sides[0], sides[1], confidence)


def resample(side: Array, generator: np.random.Generator, resamples: int = _RESAMPLES) -> Resampled:
    """Resample one arm; shape (boots, windows). Arms of one ratio need generators of their own."""
    mean = float(np.mean(np.log(side.mean(axis=1))))
    return Resampled(resampled_means(side, generator, resamples), mean, len(side))


def ratio_of_resampled(other: Resampled, base: Resampled, confidence: float = CONFIDENCE) -> RatioInterval:
    """The interval of ``hierarchical_bootstrap``, of arms that were drawn before."""
    boots = other.boots, base.boots
    ratio = math.exp(other.mean - base.mean)
    if min(boots) < MINIMUM_BOOTS_FOR_BOOTSTRAP:
        return RatioInterval(ratio, 0.0, math.inf, math.nan, *boots)
    boots_least = min(boots)
    # Expanded percentiles: a resample varies less than a sample does, by (n - 1) / n, and knows no t.
    tail = float(
        special.ndtr(
            math.sqrt(boots_least / (boots_least - 1))
            * special.stdtrit(boots_least - 1, (1 - confidence) / 2)
        )
    )
    low, high = np.quantile(other.drawn - base.drawn, [tail, 1 - tail])
    return RatioInterval(ratio, math.exp(low), math.exp(high), math.nan, *boots)


def resampled_means(side: Array, generator: np.random.Generator, resamples: int) -> Array:
    """Mean logarithm over drawn boots of the mean over drawn windows: shape (resamples,)."""
    boots, windows = side.shape
    first = generator.integers(boots, size=(resamples, boots), dtype=np.uint16) * np.int64(windows)
    flat = np.ascontiguousarray(side).ravel()
    sums = np.zeros((resamples, boots))
    # Window by window, so that memory stays at resamples x boots; the same arrays each time, since new ones
    # of this size cost as much as the drawing.
    places, drawn = np.empty_like(first), np.empty_like(sums)
    for _ in range(windows):
        window = generator.integers(windows, size=(resamples, boots), dtype=np.uint16)
        flat.take(np.add(first, window, out=places), out=drawn, mode="clip")
        sums += drawn
    with np.errstate(divide="ignore"):
        logs: Array = np.log(sums / windows)
    return logs.mean(axis=1)
