"""Up to how many containers do unikernels need less memory? HV + UK x MPK < OS + C x MPC."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.estimates import CONFIDENCE
from analysis.estimates.ratio import MINIMUM_BOOTS, geometric_mean, logarithms

Array = npt.NDArray[np.float64]

_DRAWS = 20_000


@dataclass(frozen=True)
class BreakEven:
    """K*: unikernels need less memory in place of fewer than K* containers.

    Attributes:
        value: K* at the means; infinity where unikernels always need less, 0 where they never do,
            NaN where they need less only *beyond* a number.
        low, high: its interval over boots; 0 and infinity where boots are too few.
        never: share of the draws in which unikernels never need less; ``always`` likewise.
        reversed: share in which they need less only beyond a number of containers.
        insufficient: whether boots are too few for an interval.
    """

    value: float
    low: float
    high: float
    never: float
    always: float
    reversed: float
    insufficient: bool


def crossing(saved: Array, per_unikernels: Array, per_container: Array) -> Array:
    """K* = (OS - HV) / (u x MPK - MPC): infinity for always, 0 for never, NaN for only beyond a number.

    Args:
        saved: OS - HV, memory that the hypervisor's host needs less than the containers' host.
        per_unikernels: u x MPK, of the unikernels that stand for one container.
        per_container: MPC. All three in one unit.
    """
    extra = per_unikernels - per_container
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = saved / extra
    where = np.where(extra > 0, np.maximum(crossed, 0.0), np.where(saved > 0, math.inf, math.nan))
    return np.where((extra == 0) & (saved <= 0), 0.0, where)


def break_even(
    unikernel: Sequence[float],
    container: Sequence[float],
    os: Sequence[float],
    hypervisor: Sequence[float],
    unikernels_per_container: float = 1.0,
    *,
    seed: int = 0,
    confidence: float = CONFIDENCE,
    draws: int = _DRAWS,
) -> BreakEven:
    """K* with an interval by drawing the four terms together.

    Each term's log mean is drawn from its t distribution over boots (a generalised pivotal quantity:
    Weerahandi, "Generalized confidence intervals", JASA 88, 1993), which holds from few boots on, where
    a bootstrap of three values would not; a denominator near zero then gives the infinite end it should.

    Args:
        unikernel, container: MPK and MPC, one positive value per boot. Divided by each boot's
            throughput they give the break-even per request per second.
        os, hypervisor: OS and HV, one value per reading; a single value is taken as known.
        unikernels_per_container: u.
        seed: the same seed gives the same interval.
        confidence: nominal coverage.
        draws: how often the four are drawn.
    """
    terms = (unikernel, container, os, hypervisor)
    means = [np.asarray(geometric_mean(term) if len(term) > 1 else term[0]) for term in terms]
    value = float(crossing(means[2] - means[3], unikernels_per_container * means[0], means[1]))
    if min(len(unikernel), len(container)) < MINIMUM_BOOTS:
        return BreakEven(value, 0.0, math.inf, math.nan, math.nan, math.nan, True)
    generator = np.random.default_rng(seed)
    mpk, mpc, host, hypervised = (drawn_means(term, generator, draws) for term in terms)
    drawn = crossing(host - hypervised, unikernels_per_container * mpk, mpc)
    beyond = np.isnan(drawn)
    tail = (1 - confidence) / 2
    # Ends are order statistics: interpolation would make NaN of two infinite neighbours.
    ordered = np.sort(drawn[~beyond])
    low, high = math.nan, math.nan
    if len(ordered):
        low, high = (float(ordered[round(share * (len(ordered) - 1))]) for share in (tail, 1 - tail))
    return BreakEven(
        value,
        low,
        high,
        float(np.mean(drawn == 0)),
        float(np.mean(np.isinf(drawn))),
        float(np.mean(beyond)),
        False,
    )


def drawn_means(values: Sequence[float], generator: np.random.Generator, draws: int) -> Array:
    """Geometric means as the boots allow them: exp(mean - t x s / sqrt(k)), shape (draws,)."""
    if len(values) < MINIMUM_BOOTS:
        return np.full(draws, float(values[0]))
    logs = logarithms(values)
    count = len(logs)
    drawn_t = generator.standard_t(count - 1, draws)
    return np.exp(logs.mean() - drawn_t * logs.std(ddof=1) / math.sqrt(count))
