"""Whether a boot warmed up: changepoints of its throughput, second by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Class = Literal["flat", "warm-up", "slow-down", "no steady state", "too short"]

SHORTEST_S = 10
TOLERANCE = 0.05
_SHORTEST_SEGMENT_S = 3
_STEADY_SHARE = 0.5

Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WarmUp:
    """One boot's class. ``steady_from`` is the second from which it is steady, where it is."""

    kind: Class
    steady_from: int | None


def classify_each(boots: Mapping[str, Sequence[float]]) -> dict[str, WarmUp]:
    """``classify`` of many boots, by the name of each; ``boots`` are their rates.

    A segment lasts three seconds or more, so it is made of windows of three, four or five: its mean lies
    between the smallest and the largest mean of any such window. Where those lie within the tolerance the
    boot is flat wherever its changepoints may be, and nobody needs to search for them.
    """
    by_length: dict[int, list[str]] = {}
    for name, rates in boots.items():
        by_length.setdefault(len(rates), []).append(name)
    found = {
        name: WarmUp("flat", 0) if len(rates) >= SHORTEST_S else WarmUp("too short", None)
        for name, rates in boots.items()
    }
    for length, names in by_length.items():
        if length >= SHORTEST_S:
            every = np.asarray([boots[name] for name in names], dtype=np.float64)
            lowest, highest = _reach(every)
            uneven = np.flatnonzero(highest - lowest > TOLERANCE * lowest)
            for place, ends in zip(uneven.tolist(), changepoints(every[uneven]), strict=True):
                found[names[place]] = _class(every[place], ends)
    return found


def classify(rates: Sequence[float]) -> WarmUp:
    """Class of a boot by the means of the segments between changepoints of its measured window.

    Barrett, Bolz-Tereick, Killick, Mount and Tratt, "Virtual machine warmup blows hot and cold", OOPSLA
    2017: segments whose means lie within 5 % of the last one's count as steady. Steady throughout is
    *flat*; steady from some second on is *warm-up* where what came before was slower and *slow-down* where
    it was faster; a boot that is steady for less than the last half of its window has *no steady state*.

    Args:
        rates: answers per second, one value per second of the measured window.
    """
    return classify_each({"": rates})[""]


def changepoints(boots: Rates) -> list[list[int]]:
    """Ends of each boot's segments of three seconds or more, the last one being the number of seconds.

    The segments of least squares plus a penalty of 3 log n each (the criterion of Killick, Fearnhead and
    Eckley, JASA 107, 2012), found by Jackson et al., "An algorithm for optimal partitioning of data on an
    interval", IEEE Signal Processing Letters 12, 2005, for all boots at once. The unit is a boot's noise,
    estimated from differences of neighbours and so not from the steps themselves.

    Args:
        boots: answers per second, shape (boots, seconds), three seconds at least.
    """
    seconds = boots.shape[1]
    noise = _noise(boots)
    scaled = (boots - boots.mean(axis=1, keepdims=True)) / np.where(noise > 0, noise, 1)
    sums, squares = _sums(scaled), _sums(scaled**2)
    # Of the best segments up to each second: what they cost, and where the last of them starts.
    least = np.full(sums.shape, np.inf)
    least[:, 0] = 0
    starts = np.zeros(sums.shape, dtype=np.int64)
    for end in range(_SHORTEST_SEGMENT_S, seconds + 1):
        tried = np.arange(end - _SHORTEST_SEGMENT_S + 1)
        inside = sums[:, [end]] - sums[:, tried]
        costs = least[:, tried] + squares[:, [end]] - squares[:, tried] - inside**2 / (end - tried)
        starts[:, end] = costs.argmin(axis=1)
        least[:, end] = costs.min(axis=1) + 3 * np.log(seconds)
    return [_ends(row, seconds) for row in starts]


def _class(rates: Rates, ends: Sequence[int]) -> WarmUp:
    starts = [0, *ends[:-1]]
    means = [float(np.mean(rates[start:end])) for start, end in zip(starts, ends, strict=True)]
    last = means[-1]
    steady = len(means) - 1
    while steady > 0 and abs(means[steady - 1] - last) <= TOLERANCE * last:
        steady -= 1
    begins = starts[steady]
    if begins > (1 - _STEADY_SHARE) * len(rates):
        return WarmUp("no steady state", None)
    if begins == 0:
        return WarmUp("flat", 0)
    return WarmUp("warm-up" if means[steady - 1] < last else "slow-down", begins)


def _reach(rates: Rates) -> tuple[Rates, Rates]:
    """Smallest and largest mean of any segment that a boot could have; ``rates``: shape (boots, seconds)."""
    sums = _sums(rates)
    lengths = range(_SHORTEST_SEGMENT_S, 2 * _SHORTEST_SEGMENT_S)
    means = [(sums[:, length:] - sums[:, :-length]) / length for length in lengths]
    every = np.concatenate(means, axis=1)
    return every.min(axis=1), every.max(axis=1)


def _sums(rates: Rates) -> Rates:
    """What each boot adds up to before each second and after the last."""
    return np.cumsum(np.pad(rates, ((0, 0), (1, 0))), axis=1)


def _noise(boots: Rates) -> Rates:
    """A standard deviation per boot, shape (boots, 1), no less than a thousandth of its mean."""
    differences = np.diff(boots, axis=1)
    away = np.abs(differences - np.median(differences, axis=1, keepdims=True))
    # Median absolute deviation of differences: their deviation is sqrt(2) that of the values.
    noise = np.median(away, axis=1, keepdims=True) * 1.4826 / np.sqrt(2)
    return np.maximum(noise, 1e-3 * boots.mean(axis=1, keepdims=True))


def _ends(starts: npt.NDArray[np.int64], seconds: int) -> list[int]:
    """The chain of best starts, backwards from the last second."""
    ends = [seconds]
    while start := int(starts[ends[-1]]):
        ends.append(start)
    return ends[::-1]
