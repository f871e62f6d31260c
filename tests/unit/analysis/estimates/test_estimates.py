"""Estimators: values known from elsewhere, and edges. Their coverage: test_coverage.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.estimates.discoveries import discoveries
from analysis.estimates.power import boots_for, half_width, residual
from analysis.estimates.rank import median_interval, samples_needed
from analysis.estimates.rate import poisson_rate_interval
from analysis.estimates.ratio import (
    cliffs_delta,
    geometric_mean,
    mean_interval,
    ratio_of_means_interval,
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
    assert not found.excludes_one


def test_ratio_without_boots_is_not_a_number() -> None:
    assert math.isnan(ratio_of_means_interval([], [1.0, 2.0]).ratio)


def test_ratio_refuses_what_has_no_logarithm() -> None:
    with pytest.raises(ValueError, match="positive"):
        ratio_of_means_interval([1.0, 0.0], [1.0, 2.0])


def test_excludes_one_means_that_the_interval_excludes_one() -> None:
    assert ratio_of_means_interval([2.0, 2.02, 1.98], [1.0, 1.01, 0.99]).excludes_one
    assert ratio_of_means_interval([0.5, 0.51, 0.49], [1.0, 1.01, 0.99]).excludes_one
    assert not ratio_of_means_interval([1.0, 1.02, 0.98], [1.0, 1.01, 0.99]).excludes_one


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


def test_mean_interval_agrees_with_scipy() -> None:
    values = [10.0, 12.0, 11.0, 14.0]
    low, high = stats.t.interval(0.95, 3, np.mean(np.log(values)), stats.sem(np.log(values)))
    assert mean_interval(values) == pytest.approx((stats.gmean(values), math.exp(low), math.exp(high)))
    assert mean_interval([3.0]) == pytest.approx((3.0, 0.0, math.inf))


@pytest.mark.parametrize(
    ("other", "base", "same"),
    [
        ([100.0, 100.5, 99.5, 100.2], [100.1, 99.8, 100.4, 99.9], True),
        ([105.0, 105.5, 104.5, 105.2], [100.1, 99.8, 100.4, 99.9], False),
        ([100.0, 110.0, 90.0], [100.0, 112.0, 91.0], False),
        ([100.0], [100.0, 100.1], None),
    ],
)
def test_sameness_has_to_be_shown(other: list[float], base: list[float], same: bool | None) -> None:
    assert ratio_of_means_interval(other, base).same_within(0.03) is same


@pytest.mark.parametrize(
    ("count", "ranks"),
    # From the tables of order-statistic intervals of the median at 95 %.
    [(5, None), (6, (1, 6)), (8, (1, 8)), (9, (2, 8)), (12, (3, 10)), (20, (6, 15)), (25, (8, 18))],
)
def test_median_interval_is_the_tabulated_one(count: int, ranks: tuple[int, int] | None) -> None:
    found = median_interval([float(value) for value in range(1, count + 1)])
    assert found.median == (count + 1) / 2
    assert (found.low, found.high) == (ranks or (None, None))
    assert found.coverage >= 0.95 or ranks is None


def test_median_of_nothing() -> None:
    assert math.isnan(median_interval([]).median)


@pytest.mark.parametrize(
    ("wanted", "at_2_percent", "at_5_percent", "at_25_percent"),
    [(0.03, 5, 23, 535), (0.05, 3, 9, 194), (0.10, 2, 4, 50)],
)
def test_boots_for_a_half_width(
    wanted: float, at_2_percent: int, at_5_percent: int, at_25_percent: int
) -> None:
    """Against blocks that another simulation found necessary."""
    assert boots_for(0.02, wanted) == pytest.approx(at_2_percent, abs=1)
    assert boots_for(0.05, wanted) == pytest.approx(at_5_percent, abs=2)
    assert boots_for(0.25, wanted) == pytest.approx(at_25_percent, rel=0.1)


def test_half_width_and_boots_agree() -> None:
    boots = boots_for(0.05, 0.05)
    assert boots
    assert half_width(0.05, boots) <= 0.05 < half_width(0.05, boots - 1)
    assert half_width(0.05, 1) == math.inf
    assert boots_for(5.0, 0.0001) is None


def test_residual_is_that_of_one_boot() -> None:
    found = residual([ratio_of_means_interval([1.0, math.e], [2.0, 2 * math.e])])
    assert found
    assert found.freedom == pytest.approx(2)
    assert found.spread == pytest.approx(math.sqrt(0.5))
    assert found.upper == pytest.approx(math.sqrt(1.0 / stats.chi2.ppf(0.2, 2)))
    assert residual([ratio_of_means_interval([1.0], [1.0, 2.0])]) is None


def test_p_values_are_those_of_welch() -> None:
    other, base = [1.1, 1.13, 1.09], [1.0, 1.02, 0.99, 1.01]
    found = ratio_of_means_interval(other, base)
    expected = stats.ttest_ind(np.log(other), np.log(base), equal_var=False).pvalue
    assert found.p_value_beyond() == pytest.approx(expected)
    assert found.inverted().p_value_beyond() == pytest.approx(expected)
    assert found.p_value_beyond(math.log(found.ratio)) == 1
    assert found.widened(math.inf).p_value_beyond() == 1
    assert found.widened(0.1).low == pytest.approx(found.low * math.exp(-0.1))
    assert found.inverted().low == pytest.approx(1 / found.high)


def test_benjamini_and_hochberg() -> None:
    # The example of their paper, table of 15 p values: four are rejected at 5 %.
    values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert sum(discoveries(values)) == 4
    assert discoveries(values[::-1]) == discoveries(values)[::-1]
    assert discoveries([]) == []
