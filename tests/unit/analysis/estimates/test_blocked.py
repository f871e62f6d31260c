"""The blocked estimate: coverage and width in simulated campaigns, and its three methods."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from analysis.estimates.blocked import METHODS, block_effects, blocked_difference, welch_estimate
from benchmarks.precision.__main__ import TABLES, replaced
from benchmarks.precision.intervals import simulate
from benchmarks.precision.scenarios import (
    SCENARIOS,
    drift,
    missing_boot_in_drift,
    no_drift,
    noisy_block,
    noisy_services,
    service_blocks,
)

CAMPAIGNS = 6000
# Six thousand campaigns know 95 % to 0.28 points.
NOISE = 0.006
WITHOUT_DRIFT = [name for name in SCENARIOS if "drift" not in name or name.startswith("no drift")]


@pytest.mark.parametrize("cells", [2, 3, 9])
@pytest.mark.parametrize("boots", [3, 4, 6, 10])
@pytest.mark.parametrize("name", SCENARIOS)
def test_intervals_cover_the_truth(name: str, boots: int, cells: int) -> None:
    ours, _ = simulate(SCENARIOS[name], boots, CAMPAIGNS, cells, seed=2)
    assert ours.coverage >= 0.94 - NOISE


@pytest.mark.parametrize("boots", [3, 6, 10])
@pytest.mark.parametrize("name", SCENARIOS)
def test_intervals_of_a_page_are_not_too_wide(name: str, boots: int) -> None:
    ours, welch = simulate(SCENARIOS[name], boots, CAMPAIGNS, seed=3)
    assert ours.half_width <= 1.1 * welch.half_width
    if name not in ("blocks shift services differently", "two noisy services beside, drift"):
        assert ours.coverage <= 0.98 + NOISE


@pytest.mark.parametrize(
    ("scenario", "boots", "factor"), [(drift, 3, 2), (drift, 6, 2.5), (noisy_block, 6, 10)]
)
def test_drift_and_neighbours_are_removed(scenario: object, boots: int, factor: float) -> None:
    ours, welch = simulate(scenario, boots, CAMPAIGNS)  # type: ignore[arg-type]
    assert welch.half_width > factor * ours.half_width


def test_the_difference_is_that_of_the_means_where_no_boot_is_missing() -> None:
    values = drift(np.random.default_rng(4), (1, 9, 5))[0]
    found = blocked_difference(values[0], values[1], values[2:])
    assert METHODS[int(found.method)] == "adjusted"
    assert float(found.estimate.difference) == pytest.approx(values[0].mean() - values[1].mean())


def test_a_missing_boot_does_not_bias_the_difference() -> None:
    values = missing_boot_in_drift(np.random.default_rng(5), (4000, 9, 6))
    ours = blocked_difference(values[:, 0], values[:, 1], values[:, 2:]).estimate.difference
    plain = welch_estimate(values[:, 0], values[:, 1]).difference
    assert ours.std() < 0.85 * plain.std()
    assert abs(ours.mean()) < 0.001


def test_pairs_are_used_where_the_other_cells_show_other_blocks() -> None:
    generator = np.random.default_rng(6)
    shifted = service_blocks(generator, (500, 9, 10))
    found = blocked_difference(shifted[:, 0], shifted[:, 1], shifted[:, 2:])
    assert np.mean(found.method == METHODS.index("paired")) > 0.5
    calm = no_drift(generator, (500, 9, 10))
    assert np.mean(blocked_difference(calm[:, 0], calm[:, 1], calm[:, 2:]).method == 2) < 0.05


def test_noisy_services_do_not_widen_a_quiet_one() -> None:
    ours, welch = simulate(noisy_services, 6, CAMPAIGNS)
    assert ours.half_width == pytest.approx(welch.half_width, rel=0.05)


def test_block_effects_are_those_put_in() -> None:
    effect = np.asarray([0.3, -0.1, -0.2])
    values = np.asarray([[5.0], [2.0], [7.0], [1.0]]) + effect
    assert block_effects(values, values[0], values[1]) == pytest.approx(effect)
    values[0, 2] = values[3, 0] = math.nan
    assert block_effects(values, values[0], values[1]) == pytest.approx(effect, abs=0.02)
    assert not block_effects(values[:0], values[0], values[1]).any()


def test_the_document_holds_every_simulated_table() -> None:
    content = (Path(__file__).resolve().parents[4] / "docs" / "method.md").read_text(encoding="utf-8")
    for name in TABLES:
        assert replaced(content, name, "text") != content
    with pytest.raises(ValueError, match="no markers"):
        replaced(content, "another", "text")
