"""The search for the highest rate that keeps a limit."""

from __future__ import annotations

import itertools
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
