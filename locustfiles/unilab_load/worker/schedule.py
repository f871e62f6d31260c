"""When the requests of an open loop fall due: a schedule that does not wait for the target."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator


def due_times_s(
    arrivals: str, rate_per_s: float, share: int = 0, shares: int = 1, seed: int = 0
) -> Iterator[float]:
    """Yield the intended times of ``rate_per_s`` requests a second, in seconds from the start, without end.

    ``constant`` requests are evenly spaced; ``poisson`` ones have exponential gaps, as independent clients
    have. One of ``shares`` processes takes every ``shares``-th constant request, or a Poisson process of
    its part of the rate: independent Poisson processes add up to one. Raises ValueError.
    """
    if arrivals == "constant":
        return (number / rate_per_s for number in itertools.count(share, shares))
    if arrivals == "poisson":
        return _poisson(rate_per_s / shares, random.Random(f"{seed}/{share}"))
    raise ValueError(f"unknown arrivals '{arrivals}'; known are constant, poisson")


def share_of(total: int, begin: int, end: int, parts: int) -> int:
    """How many of ``total`` fall to the parts from ``begin`` to before ``end``, of ``parts`` in all.

    Neighbouring ranges that cover all parts add up to ``total`` exactly.
    """
    return total * end // parts - total * begin // parts


def _poisson(rate_per_s: float, generator: random.Random) -> Iterator[float]:
    due_s = 0.0
    while True:
        due_s += generator.expovariate(rate_per_s)
        yield due_s
