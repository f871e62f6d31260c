"""When requests fall due, and how a total is divided."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

Load = Callable[[str], Any]


# Schedules.


def test_constant_arrivals_are_exact(load: Load) -> None:
    due = load("worker.schedule").due_times_s("constant", 250.0)
    assert list(itertools.islice(due, 1000)) == [number / 250 for number in range(1000)]


@pytest.mark.parametrize(("share", "shares"), [(0, 1), (1, 4)])
def test_poisson_arrivals_have_the_rate_and_the_spread(share: int, shares: int, load: Load) -> None:
    due_times_s = load("worker.schedule").due_times_s
    due = list(itertools.islice(due_times_s("poisson", 1000.0, share, shares, seed=5), 10_000))
    gaps = np.diff(due)
    mean_s = shares / 1000
    # The gaps' standard deviation is their mean; its own standard error is mean * sqrt(2 / n).
    assert gaps.mean() == pytest.approx(mean_s, abs=3 * mean_s / math.sqrt(len(gaps)))
    assert gaps.std() == pytest.approx(mean_s, abs=3 * mean_s * math.sqrt(2 / len(gaps)))
    assert gaps.min() > 0
    # A first request that is due after 20 mean gaps or more has a probability of 2e-9.
    assert 0 < due[0] < 20 * mean_s
    again = due_times_s("poisson", 1000.0, share, shares, seed=5)
    assert list(itertools.islice(again, 100)) == due[:100]
    other = due_times_s("poisson", 1000.0, share, shares, seed=6)
    assert list(itertools.islice(other, 100)) != due[:100]


@given(shares=st.integers(1, 8), rate=st.floats(0.5, 5000))
def test_shares_of_constant_arrivals_interleave_to_the_whole(shares: int, rate: float, load: Load) -> None:
    due_times_s = load("worker.schedule").due_times_s
    parts = [itertools.islice(due_times_s("constant", rate, i, shares), 50) for i in range(shares)]
    whole = list(itertools.islice(due_times_s("constant", rate), 50 * shares))
    assert sorted(itertools.chain(*parts)) == whole


def test_unknown_arrivals_are_refused(load: Load) -> None:
    with pytest.raises(ValueError, match="'weekly'; known are constant, poisson"):
        load("worker.schedule").due_times_s("weekly", 1.0)


@given(total=st.integers(0, 10**9), held=st.lists(st.integers(1, 500), min_size=1, max_size=20))
def test_shares_of_a_total_add_up(total: int, held: list[int], load: Load) -> None:
    share_of, users = load("worker.schedule").share_of, sum(held)
    ends = list(itertools.accumulate(held))
    shares = [share_of(total, end - n, end, users) for n, end in zip(held, ends, strict=True)]
    assert sum(shares) == total
    assert all(abs(got - total * n / users) < 1 for got, n in zip(shares, held, strict=True))
