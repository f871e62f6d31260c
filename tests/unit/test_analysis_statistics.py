"""Estimators: values known from elsewhere, edges, and the coverage of the ratio's interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import (
    cliffs_delta,
    geometric_mean,
    poisson_rate_interval,
    ratio_of_means_interval,
    samples_needed,
)


@pytest.mark.parametrize(
    ("other", "base"),
    [
        ([143.0, 139.0, 145.5], [100.0, 104.0, 98.0]),
        ([12.0, 19.0], [11.0, 10.5, 11.2, 10.9, 11.1]),
        ([0.002, 0.0021, 0.0019, 0.0024], [0.0031, 0.0029, 0.003]),
    ],
)
def test_ratio_agrees_with_scipys_welch_test(other: list[float], base: list[float]) -> None:
    found = ratio_of_means_interval(other, base)
    welch = stats.ttest_ind(np.log(other), np.log(base), equal_var=False)
    expected = welch.confidence_interval(0.95)
    assert found.low == pytest.approx(math.exp(expected.low))
    assert found.high == pytest.approx(math.exp(expected.high))
    assert found.degrees_of_freedom == pytest.approx(welch.df)
    assert found.ratio == pytest.approx(stats.gmean(other) / stats.gmean(base))
    assert (found.boots_other, found.boots_base) == (len(other), len(base))


def test_ratio_turned_round_is_the_reciprocal() -> None:
    other, base = [143.0, 139.0, 145.5], [100.0, 104.0, 98.0]
    there, back = ratio_of_means_interval(other, base), ratio_of_means_interval(base, other)
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.low == pytest.approx(1 / back.high)


@pytest.mark.parametrize(
    ("other", "base"),
    [([2.0], [1.0, 1.1]), ([2.0, 2.1], [1.0]), ([2.0, 2.0], [1.0, 1.0]), ([1e-300, 1e300], [1.0, 1.1])],
)
def test_ratio_without_enough_information_has_no_end(other: list[float], base: list[float]) -> None:
    found = ratio_of_means_interval(other, base)
    assert (found.low, found.high) == (0, math.inf)
    assert found.insufficient
    assert not found.told_apart


def test_ratio_without_boots_is_not_a_number() -> None:
    assert math.isnan(ratio_of_means_interval([], [1.0, 2.0]).ratio)


def test_ratio_refuses_what_has_no_logarithm() -> None:
    with pytest.raises(ValueError, match="positive"):
        ratio_of_means_interval([1.0, 0.0], [1.0, 2.0])


@pytest.mark.parametrize(("spread_other", "spread_base"), [(0.02, 0.02), (0.05, 0.02)])
def test_ratio_of_three_boots_covers_the_truth_as_often_as_it_says(
    spread_other: float, spread_base: float
) -> None:
    generator = np.random.default_rng(4711)
    repeats, truth = 2000, 1.125
    covered = 0
    for _ in range(repeats):
        other = np.exp(generator.normal(math.log(truth), spread_other, 3))
        base = np.exp(generator.normal(0, spread_base, 3))
        found = ratio_of_means_interval(other.tolist(), base.tolist())
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / repeats <= 0.97


def test_told_apart_means_that_the_interval_excludes_one() -> None:
    assert ratio_of_means_interval([2.0, 2.02, 1.98], [1.0, 1.01, 0.99]).told_apart
    assert ratio_of_means_interval([0.5, 0.51, 0.49], [1.0, 1.01, 0.99]).told_apart
    assert not ratio_of_means_interval([1.0, 1.02, 0.98], [1.0, 1.01, 0.99]).told_apart


def test_geometric_mean() -> None:
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2)
    assert math.isnan(geometric_mean([]))


@pytest.mark.parametrize(
    ("other", "base", "delta"),
    [
        ([3.0, 4.0], [1.0, 2.0], 1.0),
        ([1.0, 2.0], [3.0, 4.0], -1.0),
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([2.0, 5.0], [1.0, 3.0], 0.5),
    ],
)
def test_cliffs_delta(other: list[float], base: list[float], delta: float) -> None:
    assert cliffs_delta(other, base) == pytest.approx(delta)


def test_cliffs_delta_of_nothing_is_not_a_number() -> None:
    assert math.isnan(cliffs_delta([], [1.0]))


@pytest.mark.parametrize(
    ("events", "low", "high"),
    # Garwood's limits as tabulated in textbooks for counts of 0, 1, 5 and 10.
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)],
)
def test_poisson_limits(events: int, low: float, high: float) -> None:
    assert poisson_rate_interval(events, 1.0) == pytest.approx((low, high), abs=5e-4)


def test_no_crash_in_two_million_still_allows_1_84_per_million() -> None:
    assert poisson_rate_interval(0, 2.0)[1] == pytest.approx(1.84, abs=0.005)


def test_no_exposure_bounds_nothing() -> None:
    assert poisson_rate_interval(1, 0) == (0.0, math.inf)


@pytest.mark.parametrize(("percentile", "samples"), [(50, 5), (90, 29), (99, 299), (99.9, 2995)])
def test_samples_needed(percentile: float, samples: int) -> None:
    assert samples_needed(percentile) == samples
    share = percentile / 100
    assert 1 - share**samples >= 0.95 > 1 - share ** (samples - 1)
