"""A second opinion on a ratio: the hierarchical bootstrap, which assumes no distribution."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.estimates import CONFIDENCE
from analysis.estimates.ratio import RatioInterval

Array = npt.NDArray[np.float64]

MINIMUM_BOOTS_FOR_BOOTSTRAP = 20
_RESAMPLES = 1000


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
        resamples: how many times the whole is drawn again.
    """
    boots = other.shape[0], base.shape[0]
    means = [float(np.mean(np.log(side.mean(axis=1)))) for side in (other, base)]
    ratio = math.exp(means[0] - means[1])
    if min(boots) < MINIMUM_BOOTS_FOR_BOOTSTRAP:
        return RatioInterval(ratio, 0.0, math.inf, math.nan, *boots)
    generator = np.random.default_rng(seed)
    boots_least = min(boots)
    # Expanded percentiles: a resample varies less than a sample does, by (n - 1) / n, and knows no t.
    tail = float(
        special.ndtr(
            math.sqrt(boots_least / (boots_least - 1))
            * special.stdtrit(boots_least - 1, (1 - confidence) / 2)
        )
    )
    drawn = resampled_means(other, generator, resamples) - resampled_means(base, generator, resamples)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return RatioInterval(ratio, math.exp(low), math.exp(high), math.nan, *boots)


def resampled_means(side: Array, generator: np.random.Generator, resamples: int) -> Array:
    """Mean logarithm over drawn boots of the mean over drawn windows: shape (resamples,)."""
    boots, windows = side.shape
    drawn_boots = generator.integers(boots, size=(resamples, boots), dtype=np.uint16)
    sums = np.zeros((resamples, boots))
    # Window by window, so that memory stays at resamples x boots.
    for _ in range(windows):
        sums += side[drawn_boots, generator.integers(windows, size=(resamples, boots), dtype=np.uint16)]
    with np.errstate(divide="ignore"):
        logs: Array = np.log(sums / windows)
    return logs.mean(axis=1)
