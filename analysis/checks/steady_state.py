"""Whether the measured window of a boot was steady: its second half against its first.

A window is steady where its two halves are shown to be equal within 5 %: two one-sided tests at 5 % each
(Schuirmann 1987). It rises or falls where the change is shown to be larger. Else its seconds do not show it.
Seconds are autocorrelated, so the error of a half's mean is that of an AR(1) process,
s^2 / h x (1 + r) / (1 - r), with s and r from the residuals about a straight line, and r corrected for its
bias in short series (Marriott and Pope, "Bias in the estimation of autocorrelations", Biometrika 41, 1954).

All boots of a cell together show more than one. From four boots on their changes are one sample, whatever
happens inside a boot; with fewer, the errors of the boots are pooled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.estimates import CONFIDENCE

Array = npt.NDArray[np.float64]
Kind = Literal["steady", "rising", "falling", "undecided", "too short"]

SHORTEST_S = 10
TOLERANCE = 0.05
_BOOTS_FOR_A_SAMPLE = 4
_LARGEST_CORRELATION = 0.95
_LEAST_FREEDOM = 2.0


@dataclass(frozen=True)
class Steadiness:
    """How the second half of a window compares with the first, on the logarithm.

    Attributes:
        kind: what the seconds show.
        change: of one boot, or the mean of several; NaN where it is unknown.
        low, high: its 90 % interval, the one of two one-sided tests at 5 %.
        error, freedom: standard error of ``change`` and its degrees of freedom.
    """

    kind: Kind
    change: float
    low: float
    high: float
    error: float
    freedom: float

    @property
    def allowance(self) -> float:
        """Largest bias of the window's mean that the seconds leave open, on the logarithm.

        0 for a steady window; half of the farthest end of the interval where it is undecided, for the mean
        lies between its halves; infinity where the window is too short or known not to be steady.
        """
        if self.kind == "steady":
            return 0.0
        if self.kind == "undecided":
            return max(abs(self.low), abs(self.high)) / 2
        return math.inf


def steadiness_of_each(boots: Mapping[str, Sequence[float]]) -> dict[str, Steadiness]:
    """Steadiness of many boots by name; ``boots``: answers per second of each second of the window."""
    by_length: dict[int, list[str]] = {}
    for name, rates in boots.items():
        by_length.setdefault(len(rates), []).append(name)
    found: dict[str, Steadiness] = {}
    for length, names in by_length.items():
        if length < SHORTEST_S:
            found |= dict.fromkeys(names, too_short())
        else:
            seconds = np.asarray([boots[name] for name in names], dtype=np.float64)
            found |= dict(zip(names, _judged(*_changes(seconds)), strict=True))
    return found


def steadiness_of_cell(boots: Sequence[Steadiness]) -> Steadiness:
    """All boots of a cell together; too short where more than half of them are."""
    known = [boot for boot in boots if boot.kind != "too short"]
    if 2 * len(known) < len(boots) or not boots:
        return too_short()
    changes = np.asarray([boot.change for boot in known])
    count = len(known)
    if count >= _BOOTS_FOR_A_SAMPLE:
        error, freedom = float(np.std(changes, ddof=1)) / math.sqrt(count), count - 1.0
    else:
        error = math.sqrt(sum(boot.error**2 for boot in known)) / count
        freedom = sum(boot.freedom for boot in known)
    (found,) = _judged(*(np.asarray([value]) for value in (changes.mean(), error, freedom)))
    return found


def too_short() -> Steadiness:
    """Of a window that cannot be judged."""
    return Steadiness("too short", math.nan, -math.inf, math.inf, math.inf, 0.0)


def _changes(rates: Array) -> tuple[Array, Array, Array]:
    """Log change between halves, its error and degrees of freedom; ``rates``: shape (boots, seconds)."""
    seconds = rates.shape[1]
    half = seconds // 2
    first, second = rates[:, :half].mean(axis=1), rates[:, seconds - half :].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(second / first)
        relative = rates / rates.mean(axis=1, keepdims=True)
    times = np.arange(seconds) - (seconds - 1) / 2
    slope = relative @ times / np.sum(times**2)
    residual = relative - 1 - slope[:, None] * times
    squares = np.sum(residual**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(np.sum(residual[:, 1:] * residual[:, :-1], axis=1) / squares)
    # The line takes two degrees of freedom, which biases r by -(2 + 4 r) / n.
    correlation = np.clip(correlation + (2 + 4 * correlation) / seconds, 0, _LARGEST_CORRELATION)
    inflation = (1 + correlation) / (1 - correlation)
    error = np.sqrt(2 * squares / (seconds - 2) / half * inflation)
    return change, error, np.maximum(seconds / inflation - 2, _LEAST_FREEDOM)


def _judged(change: Array, error: Array, freedom: Array) -> list[Steadiness]:
    margin = math.log1p(TOLERANCE)
    width = special.stdtrit(freedom, CONFIDENCE) * error
    rows = []
    for value, wide, one_error, one_freedom in zip(
        *(part.tolist() for part in (change, width, error, freedom)), strict=True
    ):
        low, high = value - wide, value + wide
        kind: Kind = "undecided"
        if not math.isfinite(value):
            low, high = -math.inf, math.inf
        elif -margin <= low and high <= margin:
            kind = "steady"
        elif low > margin:
            kind = "rising"
        elif high < -margin:
            kind = "falling"
        rows.append(Steadiness(kind, value, low, high, one_error, one_freedom))
    return rows
