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
    flat: set[str] = set()
    for length, names in by_length.items():
        if length >= SHORTEST_S:
            lowest, highest = _reach(np.asarray([boots[name] for name in names], dtype=np.float64))
            flat.update(names[place] for place in np.flatnonzero(highest - lowest <= TOLERANCE * lowest))
    return {name: WarmUp("flat", 0) if name in flat else classify(rates) for name, rates in boots.items()}


def classify(rates: Sequence[float]) -> WarmUp:
    """Class of a boot by the means of the segments between changepoints of its measured window.

    Barrett, Bolz-Tereick, Killick, Mount and Tratt, "Virtual machine warmup blows hot and cold", OOPSLA
    2017: segments whose means lie within 5 % of the last one's count as steady. Steady throughout is
    *flat*; steady from some second on is *warm-up* where what came before was slower and *slow-down* where
    it was faster; a boot that is steady for less than the last half of its window has *no steady state*.
    Changepoints by PELT (Killick, Fearnhead and Eckley, JASA 107, 2012) with a penalty of 3 log n in units
    of the noise, which is estimated from differences of neighbours and so not from the steps themselves.

    Args:
        rates: answers per second, one value per second of the measured window.
    """
    if len(rates) < SHORTEST_S:
        return WarmUp("too short", None)
    ends = _changepoints(np.asarray(rates, dtype=np.float64))
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


def _reach(rates: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Smallest and largest mean of any segment that a boot could have; ``rates``: shape (boots, seconds)."""
    sums = np.cumsum(np.pad(rates, ((0, 0), (1, 0))), axis=1)
    lengths = range(_SHORTEST_SEGMENT_S, 2 * _SHORTEST_SEGMENT_S)
    means = [(sums[:, length:] - sums[:, :-length]) / length for length in lengths]
    every = np.concatenate(means, axis=1)
    return every.min(axis=1), every.max(axis=1)


def _changepoints(rates: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    """Ends of the segments, the last one being the number of seconds."""
    differences = np.diff(rates)
    # Median absolute deviation of differences: their deviation is sqrt(2) that of the values.
    noise = float(np.median(np.abs(differences - np.median(differences)))) * 1.4826 / np.sqrt(2)
    scale = max(noise, 1e-3 * float(np.mean(rates)))
    if scale == 0:
        return [len(rates)]
    # Slow to load, and most boots are flat at sight.
    import ruptures

    search = ruptures.KernelCPD(kernel="linear", min_size=_SHORTEST_SEGMENT_S).fit(rates / scale)
    return [int(end) for end in search.predict(pen=3 * np.log(len(rates)))]
