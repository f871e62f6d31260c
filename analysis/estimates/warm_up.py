"""How long a cell takes to its steady state, from pilot boots: a pooled exponential fit.

The throughput of a boot t seconds after the load began is taken as A (1 - B exp(-t / tau)): A is the boot's
own, B and tau are common to the pilots of a cell. The warm-up ends where 2 % of A are missing, at
tau ln(B / 0.02). Pooled over boots this is far less noisy than a rule for each boot, which is known to be
inaccurate (Traini,
Cortellessa, Di Pompeo and Tucci, "Towards effective assessment of steady state performance in Java software",
Empirical Software Engineering 28, 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MISSING_SHARE = 0.02
LEAST_S = 5.0
# A steady state that only begins in the last fifth of the pilots was not seen.
_SEEN_SHARE = 0.8
_LEAST_SECONDS = 10
_CANDIDATES = 200


@dataclass(frozen=True)
class WarmUp:
    """Seconds of load until a cell is steady; ``steady`` is False where the pilots did not show it."""

    seconds: float
    steady: bool


def warm_up(pilots: Sequence[Sequence[float]]) -> WarmUp | None:
    """Warm-up of a cell from its pilots, each the answers per second of every second from the load's start.

    None without a pilot of 10 s or more. Pilots are cut to the shortest one.
    """
    known = [pilot for pilot in pilots if len(pilot) >= _LEAST_SECONDS and sum(pilot) > 0]
    if not known:
        return None
    length = min(map(len, known))
    rates = np.asarray([pilot[:length] for pilot in known], dtype=np.float64)
    rates /= rates[:, length // 2 :].mean(axis=1, keepdims=True)
    missing, tau = _fit(rates.mean(axis=0))
    ends = tau * math.log(missing / MISSING_SHARE) if missing > MISSING_SHARE else 0.0
    seconds = float(max(LEAST_S, math.ceil(ends)))
    return WarmUp(min(seconds, float(length)), seconds <= _SEEN_SHARE * length)


def _fit(mean: Array) -> tuple[float, float]:
    """B and tau of least squares: for each tau of a grid the fit is linear."""
    length = len(mean)
    times = np.arange(length) + 0.5
    taus = np.geomspace(1.0, 2.0 * length, _CANDIDATES)
    decay = np.exp(-times[None, :] / taus[:, None])
    # mean = A - AB decay: simple regression on the decay, for all tau at once.
    centred = decay - decay.mean(axis=1, keepdims=True)
    slope = centred @ (mean - mean.mean()) / np.sum(centred**2, axis=1)
    level = mean.mean() - slope * decay.mean(axis=1)
    squares = np.sum((mean[None, :] - level[:, None] - slope[:, None] * decay) ** 2, axis=1)
    # A level that is not positive, or a throughput that falls, is no warm-up of this form.
    squares = np.where(level > 0, squares, np.inf)
    best = int(np.argmin(squares))
    return float(-slope[best] / level[best]), float(taus[best])
