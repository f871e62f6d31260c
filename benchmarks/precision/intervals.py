"""Coverage and half-width of the blocked interval and of Welch's, by scenario and number of boots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.estimates.blocked import Estimate, blocked_difference, welch_estimate
from benchmarks.precision.scenarios import SCENARIOS, Scenario

Array = npt.NDArray[np.float64]
BOOTS = (3, 6, 10)
CELLS = 9


@dataclass(frozen=True)
class Precision:
    """Share of campaigns whose 95 % interval holds the true ratio, and the mean half-width of the interval.

    ``half_width`` is a share: 0.05 is 5 %.
    """

    coverage: float
    half_width: float


def simulate(
    scenario: Scenario, boots: int, campaigns: int, cells: int = CELLS, seed: int = 1
) -> tuple[Precision, Precision]:
    """Ours and Welch's, of the first pair of a page of ``cells``."""
    values = scenario(np.random.default_rng([seed, boots, cells]), (campaigns, cells, boots))
    ours = blocked_difference(values[:, 0], values[:, 1], values[:, 2:]).estimate
    return _precision(ours), _precision(welch_estimate(values[:, 0], values[:, 1]))


def _precision(found: Estimate) -> Precision:
    width = found.half_width()
    known = np.isfinite(width)
    covered = np.abs(found.difference[known]) <= width[known]
    return Precision(float(covered.mean()), float(np.expm1(np.minimum(width[known], 5)).mean()))


def table(campaigns: int, cells: int = CELLS, boots: Sequence[int] = BOOTS) -> list[str]:
    """Lines of a Markdown table: coverage in percent / half-width in percent, ours and Welch's."""
    head = [f"ours, {amount} boots | Welch" for amount in boots]
    lines = [f"| {cells} cells | {' | '.join(head)} |", "|---" * (1 + 2 * len(boots)) + "|"]
    for name, scenario in SCENARIOS.items():
        row = [name]
        for amount in boots:
            row += [_words(found) for found in simulate(scenario, amount, campaigns, cells)]
        lines.append(f"| {' | '.join(row)} |")
    return lines


def _words(found: Precision) -> str:
    return f"{found.coverage * 100:.1f} / {found.half_width * 100:.1f}"
