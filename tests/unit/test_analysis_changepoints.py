"""Changepoints of throughput, held against a search of every way to cut a boot."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from analysis.warm_up import changepoints

SHORTEST = 3


def every_cut(seconds: int) -> Iterator[list[int]]:
    """Ends of segments of three seconds or more, in every possible way."""
    yield [seconds]
    for first in range(SHORTEST, seconds - SHORTEST + 1):
        for rest in every_cut(seconds - first):
            yield [first, *(first + end for end in rest)]


def cost(rates: np.ndarray, ends: list[int]) -> float:
    """Least squares in units of the noise, and 3 log n per segment."""
    steps = np.diff(rates)
    noise = np.median(np.abs(steps - np.median(steps))) * 1.4826 / math.sqrt(2)
    parts = np.split(rates, ends[:-1])
    squares = sum(float(np.sum((part - part.mean()) ** 2)) for part in parts)
    return squares / max(noise, rates.mean() / 1000) ** 2 + 3 * math.log(len(rates)) * len(ends)


@pytest.mark.parametrize("seconds", [3, 5, 10, 11, 14])
def test_no_other_cut_costs_less(seconds: int) -> None:
    generator = np.random.default_rng(31)
    levels = generator.choice([80.0, 100.0, 130.0], (40, 3)).repeat(5, axis=1)[:, :seconds]
    boots = levels * generator.normal(1, 0.03, levels.shape)
    found = changepoints(boots)
    for rates, ends in zip(boots, found, strict=True):
        best = min(cost(rates, cut) for cut in every_cut(seconds))
        assert cost(rates, ends) == pytest.approx(best)
    assert seconds < 10 or len({len(ends) for ends in found}) > 1


def test_steps_are_found_where_they_are() -> None:
    steps = np.repeat([50.0, 80.0, 100.0], [5, 5, 30])
    silent = np.zeros(40)
    assert changepoints(np.stack([steps, silent, silent + 7])) == [[5, 10, 40], [40], [40]]
