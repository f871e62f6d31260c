"""What an interrupt costs, and counts of boots as they would be at equal interrupts per request.

How many interrupts a request needs depends on the speed of the machine. Timers and packets come by the clock,
and the fewer requests an emulated CPU answers in a second, the more of them fall on each request. So the
instructions y of a second are taken as a n + c x: n answers, x interrupts, with one c for all boots of a
cell, and one a for each group of boots (a campaign). y and x are counted at the same moments; n comes from
another clock and has an error. So n is regressed on y and x, weighted with 1 / y, in the seconds of all
boots. The error of c is found by omitting one boot at a time (Quenouille 1956, Tukey 1958), because
seconds of one boot depend on each other. A boot's count per request is then moved by c times its distance
from the mean interrupts per request of all groups: analysis of covariance (Fisher 1932).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.estimates.blocked import Estimate, welch_estimate
from analysis.records.work import CountedSeconds

Array = npt.NDArray[np.float64]
Part = Literal["instructions", "application", "kernel"]


@dataclass(frozen=True)
class InterruptCost:
    """Instructions for each interrupt, the standard error, and its degrees of freedom."""

    instructions: float
    error: float
    freedom: float


def interrupt_cost(
    groups: Sequence[Sequence[CountedSeconds]], part: Part = "instructions"
) -> InterruptCost | None:
    """c of all boots in ``groups``, at least 0; None with fewer than two boots more than groups.

    ``part``: whose instructions y are. None too where a boot does not have it.
    """
    if part != "instructions" and not all(boot.application for group in groups for boot in group):
        return None
    boots = [
        (number, np.asarray([boot.answers, getattr(boot, part), boot.interrupts], dtype=np.float64))
        for number, group in enumerate(groups)
        for boot in group
    ]
    freedom = len(boots) - len(groups)
    if freedom < 2:
        return None
    whole = _slope(boots)
    without = np.asarray([_slope(boots[:i] + boots[i + 1 :]) for i in range(len(boots))])
    error = math.sqrt((len(boots) - 1) / len(boots) * float(np.sum((without - without.mean()) ** 2)))
    return InterruptCost(max(whole, 0.0), error, float(freedom))


def _slope(boots: Sequence[tuple[int, Array]]) -> float:
    """c: each group's own, weighted with what its seconds show of it. A boot's array: n, y, x by second.

    In a group, with shares of its instructions Y and interrupts X in its answers N: the residuals of n Y / N
    about y are -c Y / (Y - c X) times those of x about y X / Y.
    """
    weighted = weights = 0.0
    for number in {number for number, _ in boots}:
        n, y, x = np.concatenate([boot for of, boot in boots if of == number], axis=1)
        n, y, x = n[y > 0], y[y > 0], x[y > 0]
        if not n.sum():
            continue
        share = x.sum() / y.sum()
        residual = x - y * share
        weight = float(np.sum(residual**2 / y))
        if not weight:
            continue
        slope = -float(np.sum(residual * (n * (y.sum() / n.sum()) - y) / y)) / weight
        weighted += weight * slope / (1 + slope * share)
        weights += weight
    return float(weighted / weights) if weights else 0.0


def at_equal_interrupts(values: Array, interrupts: Array, cost: InterruptCost, mean: float) -> Array:
    """``values``: instructions per request of each boot, at ``mean`` interrupts per request."""
    moved: Array = values - cost.instructions * (interrupts - mean)
    return moved


def difference(
    other: tuple[Array, Array], base: tuple[Array, Array], cost: InterruptCost
) -> tuple[Estimate, Array, Array]:
    """Difference of log means at the mean interrupts of both groups, and the moved values of each.

    ``other``, ``base``: instructions, and interrupts, per request of each boot. The error of the cost counts
    as much as the groups differ in interrupts. Raises ValueError where a moved value is not positive.
    """
    mean = float(np.mean(np.concatenate([other[1], base[1]])))
    moved = [at_equal_interrupts(values, x, cost, mean) for values, x in (other, base)]
    if min(float(row.min()) for row in moved) <= 0:
        raise ValueError("interrupts explain more than all instructions")
    plain = welch_estimate(np.log(moved[0]), np.log(moved[1]))
    distance = float(other[1].mean() - base[1].mean())
    more = (cost.error * distance / float(np.mean(np.concatenate(moved)))) ** 2
    own = float(plain.standard_error) ** 2
    total = own + more
    freedom = total**2 / (own**2 / float(plain.freedom) + more**2 / cost.freedom) if total else math.nan
    found = Estimate(plain.difference, np.asarray(math.sqrt(total)), np.asarray(freedom))
    return found, moved[0], moved[1]
