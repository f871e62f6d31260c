"""Whether a window is steady: simulated curves at four levels of noise, independent and autocorrelated."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from analysis.checks.steady_state import (
    Steadiness,
    steadiness_of_cell,
    steadiness_of_each,
)

Array = npt.NDArray[np.float64]
NOISES = (0.02, 0.05, 0.10, 0.25)
BOOTS = 600


def linear(times: Array) -> Array:
    """Rises by 20 % from the first second to the last."""
    return 0.8 + 0.2 * times


def saturating(times: Array) -> Array:
    """Rises by 20 %, most of it at once."""
    return 1 - 0.2 * np.exp(-5 * times)


def slow(times: Array) -> Array:
    """Rises by 20 %, and would rise further."""
    return 1 - 0.25 * np.exp(-2 * times)


def falling(times: Array) -> Array:
    return 1 - 0.2 * times


def flat(times: Array) -> Array:
    return np.ones_like(times)


def judged(
    curve: Callable[[Array], Array], seconds: int, noise: float, correlation: float, seed: int = 1
) -> list[Steadiness]:
    """Boots whose seconds are those of ``curve`` with an AR(1) noise of standard deviation ``noise``."""
    generator = np.random.default_rng([seed, seconds, int(noise * 100), int(correlation * 10)])
    shocks = generator.normal(0, noise, (BOOTS, seconds))
    errors = np.empty_like(shocks)
    errors[:, 0] = shocks[:, 0]
    for second in range(1, seconds):
        errors[:, second] = (
            correlation * errors[:, second - 1] + math.sqrt(1 - correlation**2) * shocks[:, second]
        )
    rates = np.maximum(curve(np.linspace(0, 1, seconds)) * 1000 * (1 + errors), 1)
    return list(steadiness_of_each({str(at): row for at, row in enumerate(rates.tolist())}).values())


def share(found: list[Steadiness], *kinds: str) -> float:
    return sum(Counter(row.kind for row in found)[kind] for kind in kinds) / len(found)  # type: ignore[index]


def cells(found: list[Steadiness], boots: int) -> list[Steadiness]:
    return [steadiness_of_cell(found[at : at + boots]) for at in range(0, len(found) - boots + 1, boots)]


@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seconds", [10, 20, 60])
@pytest.mark.parametrize("curve", [linear, saturating, slow, falling])
def test_a_window_that_changes_by_20_percent_is_not_called_steady(
    curve: Callable[[Array], Array], seconds: int, noise: float, correlation: float
) -> None:
    found = judged(curve, seconds, noise, correlation)
    # One-sided tests at 5 %; 600 boots know that to 0.9 points.
    for rows in (found, cells(found, 3), cells(found, 6)):
        assert share(rows, "steady") <= 0.05


@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seconds", [20, 60])
def test_a_stationary_window_is_not_called_rising_or_falling(
    seconds: int, noise: float, correlation: float
) -> None:
    found = judged(flat, seconds, noise, correlation)
    assert share(found, "rising", "falling") <= 0.12
    assert share(cells(found, 3), "rising", "falling") <= 0.09
    assert share(cells(found, 6), "rising", "falling") <= 0.05


@pytest.mark.parametrize(
    ("seconds", "noise", "boots", "least"),
    [(20, 0.02, 1, 0.95), (20, 0.05, 3, 0.85), (20, 0.05, 6, 0.95), (60, 0.10, 3, 0.75), (60, 0.10, 6, 0.9)],
)
def test_stationary_cells_are_shown_to_be_steady(
    seconds: int, noise: float, boots: int, least: float
) -> None:
    assert share(cells(judged(flat, seconds, noise, 0.0), boots), "steady") >= least


@pytest.mark.parametrize(("curve", "kind"), [(linear, "rising"), (falling, "falling")])
def test_a_change_that_is_plain_is_named(curve: Callable[[Array], Array], kind: str) -> None:
    assert share(judged(curve, 20, 0.02, 0.0), kind) > 0.95


def test_windows_under_ten_seconds_are_too_short() -> None:
    found = steadiness_of_each({"short": [100.0] * 9, "long": [100.0] * 10})
    assert (found["short"].kind, found["long"].kind) == ("too short", "steady")
    assert found["short"].allowance == math.inf
    assert found["long"].allowance == 0
    assert steadiness_of_cell([found["short"], found["short"], found["long"]]).kind == "too short"
    assert steadiness_of_cell([found["short"], found["long"], found["long"]]).kind == "steady"
    assert steadiness_of_cell([]).kind == "too short"


def test_an_undecided_window_allows_for_half_of_what_its_seconds_leave_open() -> None:
    (found,) = judged(flat, 20, 0.25, 0.0)[:1]
    assert found.kind == "undecided"
    assert found.allowance == max(abs(found.low), abs(found.high)) / 2


def test_a_half_without_an_answer_is_undecided() -> None:
    assert steadiness_of_each({"a": [0.0] * 10 + [5.0] * 10})["a"].allowance == math.inf


def test_the_curve_of_java_measured_on_a_real_guest_is_rising() -> None:
    """Requests/s in windows of 8 s from the fourth second of load on, on OSv and on a Linux guest."""
    osv, linux = (199, 566, 882, 1171), (162, 478, 869, 2398)
    found = steadiness_of_each(
        {name: [rate for rate in curve for _ in range(8)] for name, curve in (("osv", osv), ("linux", linux))}
    )
    assert {row.kind for row in found.values()} == {"rising"}
