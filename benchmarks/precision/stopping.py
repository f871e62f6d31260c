"""Campaigns that stop by half-width: blocks that they take, and how often their intervals cover the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.estimates.blocked import blocked_difference
from analysis.verdicts.stopping import satisfied
from benchmarks.precision.scenarios import ARMS, SCENARIOS, Scenario

LEAST, MOST, PRECISION = 3, 20, 0.05
CELLS = 9
NAMES = (
    "no drift, 2 % between boots",
    "machine drifts by 20 %",
    "one block at half speed",
    "boots of two kinds",
    "heavy tails",
    "unequal variances, 1 to 3",
    "block x arm interaction",
    "no drift, 25 % between boots",
)


@dataclass(frozen=True)
class Stopped:
    """Share of intervals that cover the truth at the end, mean blocks, share that reach the limit."""

    coverage: float
    blocks: float
    at_limit: float


def simulate(scenario: Scenario, campaigns: int, ratio: float, seed: int = 1) -> Stopped:
    """Two arms against the first one of each service, every second of them with a true ratio of ``ratio``."""
    generator = np.random.default_rng([seed, round(ratio * 1000)])
    values = scenario(generator, (campaigns, CELLS, MOST))
    truth = np.zeros(CELLS)
    truth[1::ARMS] = math.log(ratio)
    values = values + truth[:, None]
    pairs = [(base + arm, base) for base in range(0, CELLS, ARMS) for arm in range(1, ARMS)]
    stopped = np.full(campaigns, MOST)
    covered = np.zeros((campaigns, len(pairs)))
    running = np.ones(campaigns, dtype=bool)
    for blocks in range(LEAST, MOST + 1):
        seen = values[running, :, :blocks]
        enough = np.ones(len(seen), dtype=bool)
        inside = np.empty((len(seen), len(pairs)))
        for place, (other, base) in enumerate(pairs):
            others = np.delete(seen, [other, base], axis=1)
            found = blocked_difference(seen[:, other], seen[:, base], others).estimate
            enough &= satisfied(found, PRECISION, MOST - LEAST + 1)
            inside[:, place] = np.abs(found.difference - truth[other] + truth[base]) <= found.half_width()
        covered[running] = inside
        places = np.flatnonzero(running)
        stopped[places[enough]] = blocks
        running[places[enough]] = False
    return Stopped(float(covered.mean()), float(stopped.mean()), float(running.mean()))


def table(campaigns: int) -> list[str]:
    """Lines of a Markdown table."""
    lines = [
        f"| {LEAST} to {MOST} blocks, half-width {PRECISION * 100:g} % "
        "| coverage, all ratios 1 | blocks | at the limit "
        "| coverage, half of them 1.1 | blocks | at the limit |",
        "|---" * 7 + "|",
    ]
    # A campaign holds six comparisons, and is looked at up to 18 times.
    for name in NAMES:
        cells = [name]
        for ratio in (1.0, 1.1):
            found = simulate(SCENARIOS[name], campaigns // 5, ratio)
            cells += [f"{found.coverage * 100:.1f} %", f"{found.blocks:.1f}", f"{found.at_limit * 100:.0f} %"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
