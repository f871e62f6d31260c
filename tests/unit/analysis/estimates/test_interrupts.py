"""Counts at equal interrupts: the cost of an interrupt, and campaigns on machines of different speed."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.estimates.interrupts import difference, interrupt_cost
from analysis.records.work import CountedSeconds

A, C = 71_000.0, 6_000.0  # instructions per answer, per interrupt
ALIGNMENT_S = 0.02


def boot(generator: np.random.Generator, speed: float, a: float = A, noise: float = 0.005) -> CountedSeconds:
    """Twelve seconds of a guest that has 1500 interrupts a second, and half of one with each answer."""
    answers = speed * generator.uniform(0.7, 1.3, 12)
    interrupts = 1500 * generator.uniform(0.8, 1.2, 12) + 0.5 * answers
    counted = (a * answers + C * interrupts) * generator.normal(1, noise, 12)
    application = 56_000 * answers
    # The answers of a second are counted by another clock, whose seconds begin a little earlier or later.
    answers = answers + speed * np.diff(generator.normal(0, ALIGNMENT_S, 13))
    whole = [values.round().astype(int).tolist() for values in (counted, interrupts, application)]
    return CountedSeconds(answers.tolist(), *whole)


def sides(boots: list[CountedSeconds]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Instructions and interrupts per request of each boot."""
    answers = np.asarray([sum(row.answers) for row in boots])
    return (
        np.asarray([sum(row.instructions) for row in boots]) / answers,
        np.asarray([sum(row.interrupts) for row in boots]) / answers,
    )


def test_the_cost_of_an_interrupt_is_found_from_seconds() -> None:
    generator = np.random.default_rng(41)
    found = interrupt_cost([[boot(generator, speed) for speed in (700, 1000, 1500)] for _ in range(2)])
    assert found and found.freedom == 4
    assert abs(found.instructions - C) < 4 * found.error < C / 2


def test_boots_that_are_too_few_or_have_no_answers_give_no_cost() -> None:
    generator = np.random.default_rng(42)
    assert interrupt_cost([[boot(generator, 700)], [boot(generator, 700), boot(generator, 700)]]) is None
    silent = CountedSeconds([0.0] * 12, [0] * 12, [0] * 12, [])
    boots, single = [boot(generator, speed) for speed in (500, 700, 1400)], boot(generator, 800)
    with_silent, without = interrupt_cost([[*boots, silent], [single]]), interrupt_cost([boots, [single]])
    assert with_silent and without and with_silent.instructions == without.instructions


@pytest.mark.parametrize(("factor", "covered"), [(1.0, 0.93), (1.03, 0.93)])
def test_the_speed_of_the_machine_is_no_difference_and_work_is(factor: float, covered: float) -> None:
    """Five boots on a machine of 1500 requests/s and five on one of 500: raw counts differ by 12 %."""
    generator = np.random.default_rng(43)
    held, halves = 0, []
    for _ in range(200):
        base = [boot(generator, speed) for speed in generator.uniform(1200, 1800, 5)]
        other = [boot(generator, speed, A * factor) for speed in generator.uniform(400, 600, 5)]
        cost = interrupt_cost([base, other])
        assert cost
        estimate, moved, _ = difference(sides(other), sides(base), cost)
        assert np.std(moved) / np.mean(moved) < 0.02
        # The truth at equal interrupts: only A differs.
        mean = float(np.mean(np.concatenate([sides(base)[1], sides(other)[1]])))
        truth = np.log((A * factor + C * mean) / (A + C * mean))
        half = estimate.half_width()
        held += bool(abs(estimate.difference - truth) <= half)
        halves.append(float(half))
    assert held / 200 >= covered
    assert np.median(halves) < 0.025
    assert sides(other)[0].mean() / sides(base)[0].mean() > 1.08


def test_interrupts_that_explain_everything_are_refused() -> None:
    cost = interrupt_cost([[boot(np.random.default_rng(44), 900) for _ in range(4)]])
    assert cost
    low, high = (
        (np.asarray([9e4, 9e4]), np.asarray([1.0, 1.0])),
        (np.asarray([9e4, 9e4]), np.asarray([60.0, 60.0])),
    )
    with pytest.raises(ValueError, match="more than all"):
        difference(high, low, cost)


def test_each_part_has_a_cost_of_its_own() -> None:
    generator = np.random.default_rng(45)
    boots = [boot(generator, speed, noise=0.0) for speed in generator.uniform(500, 1500, 8)]
    application, kernel = interrupt_cost([boots], "application"), interrupt_cost([boots], "kernel")
    assert application and application.instructions < 500
    assert kernel and kernel.instructions == pytest.approx(C, rel=0.2)
    boots[3] = boots[3]._replace(application=[])
    assert interrupt_cost([boots], "kernel") is None
