"""The search for the highest rate that keeps a limit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

Load = Callable[[str], Any]


# The search.


@given(threshold=st.floats(4, 20_000))
def test_search_finds_the_threshold(threshold: float, load: Load) -> None:
    search = load("lead.search").RateSearch(100.0)
    steps = 1
    while search.add_result(search.rate_per_s <= threshold):
        steps += 1
    assert search.kept_per_s <= threshold <= search.kept_per_s * 1.05
    assert steps <= 14


@pytest.mark.parametrize("kept", [True, False])
def test_search_without_a_threshold_ends(kept: bool, load: Load) -> None:
    search = load("lead.search").RateSearch(100.0)
    steps = 1 + sum(1 for _ in itertools.takewhile(bool, (search.add_result(kept) for _ in range(100))))
    assert steps == 14
    assert search.kept_per_s == (100 * 2**13 if kept else 0)


@pytest.mark.parametrize(
    ("threshold", "rates"),
    [
        (30, [100, 50, 25, math.sqrt(25 * 50)]),
        (300, [100, 200, 400, math.sqrt(200 * 400)]),
        (100, [100, 200, math.sqrt(100 * 200)]),
    ],
)
def test_search_halves_or_doubles_and_then_bisects(threshold: float, rates: list[float], load: Load) -> None:
    search, tried = load("lead.search").RateSearch(100.0), []
    for _ in rates:
        tried.append(search.rate_per_s)
        assert search.add_result(search.rate_per_s <= threshold)
    assert tried == pytest.approx(rates)


@given(threshold=st.floats(4, 20_000))
def test_search_ends_as_soon_as_both_sides_are_within_five_percent(threshold: float, load: Load) -> None:
    search = load("lead.search").RateSearch(100.0)
    kept_per_s, broke_per_s, going_on = 0.0, math.inf, True
    while going_on:
        assert broke_per_s > 1.05 * kept_per_s
        kept = search.rate_per_s <= threshold
        if kept:
            kept_per_s = max(kept_per_s, search.rate_per_s)
        else:
            broke_per_s = min(broke_per_s, search.rate_per_s)
        going_on = search.add_result(kept)
    assert broke_per_s <= 1.05 * kept_per_s
