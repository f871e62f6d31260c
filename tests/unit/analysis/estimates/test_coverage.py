"""Every interval covers the truth, and every test errs, as often as it says, over thousands of campaigns.

A boot's figure is the truth times its luck, and a window's that of its boot times its own. Boots vary in four
ways: normal on the logarithm, bimodal (a good and a bad memory layout, say), skewed, and heavy-tailed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from analysis.estimates.blocked import welch_estimate
from analysis.estimates.bootstrap import hierarchical_bootstrap
from analysis.estimates.break_even import break_even, crossing
from analysis.estimates.discoveries import discoveries
from analysis.estimates.power import boots_for, half_width, residual
from analysis.estimates.rank import median_interval
from analysis.estimates.rate import poisson_rate_interval
from analysis.estimates.ratio import EQUIVALENCE_MARGIN, ratio_of_means_interval, upper_limit

Array = npt.NDArray[np.float64]
CAMPAIGNS = 20_000
POINTS = 0.02
SPREAD = 0.02
TRUTH = math.log(1.125)


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.normal(0, SPREAD, shape)


def bimodal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return SPREAD * generator.choice([-1.0, 1.0], shape) + generator.normal(0, SPREAD / 4, shape)


def skewed(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return SPREAD * (generator.gamma(4.0, 0.5, shape) - 2.0)


def heavy(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return SPREAD * generator.standard_t(4, shape) / math.sqrt(2)


def welch(other: Array, base: Array) -> tuple[Array, Array]:
    """Difference of means and half of its interval."""
    found = welch_estimate(other, base)
    return found.difference, found.half_width()


def same_within(other: Array, base: Array) -> bool:
    return bool(ratio_of_means_interval(other.tolist(), base.tolist()).same_within(EQUIVALENCE_MARGIN))


Boots = Callable[[np.random.Generator, tuple[int, ...]], Array]


def campaigns(boots: Boots, count: int, seed: int, windows: int = 10) -> Array:
    """Log means of boots, shape (CAMPAIGNS, count); inside a boot the windows vary too."""
    generator = np.random.default_rng(seed)
    within = generator.normal(0, SPREAD / math.sqrt(windows), (CAMPAIGNS, count))
    return boots(generator, (CAMPAIGNS, count)) + within


@pytest.mark.parametrize("boots", [normal, bimodal, skewed, heavy], ids=lambda boots: boots.__name__)
@pytest.mark.parametrize("count", [3, 6, 10, 20])
def test_welchs_interval_covers_from_three_boots(boots: Boots, count: int) -> None:
    other, base = campaigns(boots, count, 1) + TRUTH, campaigns(boots, count, 2)
    difference, width = welch(other, base)
    covered = float(np.mean(np.abs(difference - TRUTH) <= width))
    assert covered == pytest.approx(0.95, abs=POINTS)


@pytest.mark.parametrize(("spreads", "counts"), [((1, 3), (6, 6)), ((1, 3), (5, 10)), ((3, 1), (5, 10))])
def test_welchs_interval_bears_unequal_arms(spreads: tuple[int, int], counts: tuple[int, int]) -> None:
    other = campaigns(normal, counts[0], 5) * spreads[0]
    base = campaigns(normal, counts[1], 6) * spreads[1]
    difference, width = welch(other, base)
    assert np.mean(np.abs(difference) <= width) == pytest.approx(0.95, abs=POINTS)


def test_pooled_windows_would_not_cover() -> None:
    """Why the unit is a boot: with windows for boots, the same interval misses half of the time."""
    generator = np.random.default_rng(7)
    sides = [
        (normal(generator, (2000, 3, 1)) + generator.normal(0, SPREAD, (2000, 3, 20))).reshape(2000, 60)
        for _ in range(2)
    ]
    difference, width = welch(sides[0], sides[1])
    assert np.mean(np.abs(difference) <= width) < 0.6


@pytest.mark.parametrize("boots", [normal, bimodal, skewed, heavy], ids=lambda boots: boots.__name__)
@pytest.mark.parametrize("count", [3, 10])
def test_the_same_arm_twice_differs_in_at_most_one_case_of_twenty(boots: Boots, count: int) -> None:
    difference, width = welch(campaigns(boots, count, 8), campaigns(boots, count, 9))
    false = float(np.mean(np.abs(difference) > width))
    # Binomial noise of so many campaigns is 0.15 points.
    assert false <= 0.05 + 0.003


@pytest.mark.parametrize("boots", [normal, bimodal, skewed, heavy], ids=lambda boots: boots.__name__)
def test_bootstrap_covers_from_twenty_boots(boots: Boots) -> None:
    generator = np.random.default_rng(10)
    repeats, count, windows = 500, 24, 16
    covered = 0
    for repeat in range(repeats):
        other, base = (
            np.exp(boots(generator, (count, 1)) + generator.normal(0, SPREAD, (count, windows)))
            for _ in range(2)
        )
        found = hierarchical_bootstrap(other * math.exp(TRUTH), base, repeat, resamples=400)
        covered += found.low <= math.exp(TRUTH) <= found.high
    # 500 campaigns know a coverage of 95 % to one point.
    assert covered / repeats == pytest.approx(0.95, abs=POINTS + 0.005)


def test_bootstrap_refuses_fewer_than_twenty() -> None:
    few = np.ones((19, 5))
    assert hierarchical_bootstrap(few, np.ones((20, 5)), 1).insufficient


@pytest.mark.parametrize("boots", [normal, bimodal, skewed, heavy], ids=lambda boots: boots.__name__)
@pytest.mark.parametrize("count", [6, 9, 15])
def test_median_interval_covers_as_exactly_as_it_says(boots: Boots, count: int) -> None:
    values = boots(np.random.default_rng(11), (CAMPAIGNS, count))
    truth = float(np.median(boots(np.random.default_rng(12), (400_001,))))
    ordered = np.sort(values, axis=1)
    found = median_interval(list(range(1, count + 1)))
    assert found.low is not None
    low, high = ordered[:, int(found.low) - 1], ordered[:, count - int(found.low)]
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(found.coverage, abs=POINTS)
    assert found.coverage >= 0.95


@pytest.mark.parametrize("boots", [3, 6])
def test_limits_of_percentiles_cover_over_boots(boots: int) -> None:
    """Boots differ by 5 %; the limit is on the geometric mean of their p99, whatever their answers do."""
    generator = np.random.default_rng(13)
    values = np.exp(generator.normal(0, 0.05, (4000, boots)))
    covered = np.mean([upper_limit(row.tolist()) >= 1 for row in values])
    assert covered == pytest.approx(0.95, abs=POINTS / 2)
    assert upper_limit([1.0]) == math.inf


@pytest.mark.parametrize("rate", [0.5, 2.0, 10.0])
def test_poisson_interval_covers_at_least(rate: float) -> None:
    events = np.random.default_rng(14).poisson(rate, CAMPAIGNS)
    limits = {int(count): poisson_rate_interval(int(count), 1.0) for count in np.unique(events)}
    covered = np.mean([limits[int(count)][0] <= rate <= limits[int(count)][1] for count in events])
    assert covered >= 0.95 - 0.005


@pytest.mark.parametrize("side", [1, -1])
def test_arms_at_the_margin_are_called_the_same_in_one_case_of_twenty(side: int) -> None:
    generator = np.random.default_rng(15)
    repeats, count, spread = 4000, 6, 0.008
    others = np.exp(side * math.log(1 + EQUIVALENCE_MARGIN) + generator.normal(0, spread, (repeats, count)))
    bases = np.exp(generator.normal(0, spread, (repeats, count)))
    found = [bool(same_within(other, base)) for other, base in zip(others, bases, strict=True)]
    assert np.mean(found) == pytest.approx(0.05, abs=POINTS)


def test_the_same_arm_is_found_the_same() -> None:
    generator = np.random.default_rng(16)
    others, bases = np.exp(generator.normal(0, 0.01, (2, 1000, 10)))
    assert np.mean([bool(same_within(*sides)) for sides in zip(others, bases, strict=True)]) > 0.95


@pytest.mark.parametrize(("spread", "wanted"), [(0.05, 0.05), (0.02, 0.03), (0.05, 0.1)])
def test_planned_boots_have_the_half_width_that_was_planned(spread: float, wanted: float) -> None:
    boots = boots_for(spread, wanted)
    assert boots
    generator = np.random.default_rng(17)
    other, base = generator.normal(0, spread, (2, CAMPAIGNS, boots))
    _, width = welch(other, base)
    assert np.expm1(width).mean() == pytest.approx(half_width(spread, boots), rel=0.05)
    assert half_width(spread, boots) <= wanted < half_width(spread, boots - 1)


def test_the_upper_limit_of_a_pilot_lies_above_the_variation_in_four_of_five() -> None:
    generator = np.random.default_rng(19)
    above = 0
    for other, base in zip(*np.exp(generator.normal(0, 0.05, (2, 2000, 4))), strict=True):
        found = residual([ratio_of_means_interval(other.tolist(), base.tolist())])
        assert found
        above += found.upper > 0.05
    # Welch's degrees of freedom are a few less than the boots have, so the limit errs to the safe side.
    assert 0.78 <= above / 2000 <= 0.9


@pytest.mark.parametrize("true", [0, 3])
def test_false_discoveries_are_held_to_one_in_twenty(true: int) -> None:
    """Nine comparisons against one shared arm, of which ``true`` differ by 10 %."""
    generator = np.random.default_rng(20)
    false_share = found_share = 0.0
    for _ in range(1500):
        logs = generator.normal(0, 0.02, (10, 4))
        logs[1 : 1 + true] += 0.1
        rows = [ratio_of_means_interval(np.exp(row).tolist(), np.exp(logs[0]).tolist()) for row in logs[1:]]
        rejected = discoveries([row.p_value_beyond() for row in rows])
        false_share += sum(rejected[true:]) / max(sum(rejected), 1)
        found_share += sum(rejected[:true]) / max(true, 1)
    assert false_share / 1500 <= 0.05
    assert found_share / 1500 >= (0.8 if true else 0)


@pytest.mark.parametrize(("count", "most"), [(3, 1.0), (6, 0.985), (12, 0.97)])
def test_break_even_covers(count: int, most: float) -> None:
    """With few boots the interval errs to the safe side, as docs/method.md says; from ten on it is exact."""
    generator = np.random.default_rng(18)
    mpk, mpc, saved, spread = 70.0, 40.0, 512.0, 0.05
    truth = float(crossing(np.asarray(saved), np.asarray(mpk), np.asarray(mpc)))
    covered, repeats = 0, 1500
    for repeat in range(repeats):
        unikernel, container, host = (
            value * np.exp(generator.normal(0, spread, count)) for value in (mpk, mpc, saved + 300.0)
        )
        found = break_even(unikernel, container, host, [300.0], seed=repeat, draws=1000)
        covered += found.low <= truth <= found.high
    assert 0.95 - POINTS <= covered / repeats <= most


def test_break_even_without_a_crossing_says_so() -> None:
    light, heavy_ = [30.0, 30.1, 30.2, 30.1], [40.0, 40.1, 40.2, 40.3]
    never = break_even(heavy_, light, [100.0], [200.0])
    assert (never.value, never.low, never.high, never.never) == (0, 0, 0, 1)
    always = break_even(light, heavy_, [300.0], [200.0])
    assert (always.value, always.low, always.always) == (math.inf, math.inf, 1)
    beyond = break_even(light, heavy_, [200.0], [300.0])
    assert math.isnan(beyond.value)
    assert beyond.reversed == 1
    assert break_even([70.0], [40.0, 41.0], [300.0], [200.0]).insufficient
    assert break_even([70.0, 70.0], [40.0, 40.0], [300.0], [0.0], 1).value == pytest.approx(10)
    assert break_even([70.0, 70.0], [40.0, 40.0], [300.0], [0.0], 2).value == pytest.approx(3)
