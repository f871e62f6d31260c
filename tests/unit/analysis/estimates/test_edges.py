"""What the estimates return at their edges: too few boots, no other cells, one cell."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from campaigns import make_study, write_campaign
from scipy import stats

from analysis.checks.evidence import evidence_of
from analysis.estimates.block_table import BlockTable
from analysis.estimates.blocked import MINIMUM_BLOCKS, block_effects
from analysis.estimates.bootstrap import Resampled, ratio_of_resampled
from analysis.estimates.break_even import break_even
from analysis.estimates.rank import median_interval, median_rank, samples_needed
from analysis.records.metrics import THROUGHPUT
from analysis.records.results import read_results


def test_a_break_even_of_one_boot_is_bounded_by_nothing() -> None:
    found = break_even([4.0], [2.0], [1024.0], [0.0])
    assert (found.value, found.low, found.high) == (512.0, 0.0, math.inf)


@pytest.mark.parametrize(
    ("count", "rank"), [(0, None), (5, None), (6, 1), (8, 1), (9, 2), (12, 3), (100, 40)]
)
def test_ranks_that_bound_a_median(count: int, rank: int | None) -> None:
    """Tables of the sign test: Conover, Practical Nonparametric Statistics, table A3."""
    assert median_rank(count) == rank


def test_the_coverage_of_a_median_is_that_of_its_ranks() -> None:
    found = median_interval([3, 1, 2, 6, 5, 4])
    assert (found.median, found.low, found.high) == (3.5, 1.0, 6.0)
    assert found.coverage == pytest.approx(1 - 2 * 0.5**6)
    assert samples_needed(99) == 299 and samples_needed(50) == 5


@pytest.mark.parametrize("boots", [20, 40])
def test_percentiles_of_a_bootstrap_are_expanded(boots: int) -> None:
    drawn = np.linspace(-1, 1, 2001)
    other, base = Resampled(drawn, 0.5, boots), Resampled(np.zeros_like(drawn), 0.0, boots + 1)
    tail = stats.norm.cdf(math.sqrt(boots / (boots - 1)) * stats.t.ppf(0.025, boots - 1))
    found = ratio_of_resampled(other, base)
    assert found.ratio == pytest.approx(math.exp(0.5))
    assert (math.log(found.low), math.log(found.high)) == pytest.approx((-1 + 2 * tail, 1 - 2 * tail))


def test_without_other_cells_or_enough_blocks_a_block_has_no_effect() -> None:
    pair = np.zeros(MINIMUM_BLOCKS)
    assert block_effects(np.empty((0, MINIMUM_BLOCKS)), pair).tolist() == [0.0] * MINIMUM_BLOCKS
    few = np.arange(2.0 * (MINIMUM_BLOCKS - 1)).reshape(2, -1)
    assert block_effects(few, np.zeros(MINIMUM_BLOCKS - 1)).tolist() == [0.0] * (MINIMUM_BLOCKS - 1)


def test_effects_of_one_other_cell_are_those_of_many_at_once() -> None:
    generator = np.random.default_rng(3)
    blocks = generator.normal(0, 0.2, 8)
    others = np.stack([blocks + generator.normal(0, 0.02, (1, 8)) for _ in range(4)])
    pair = [np.stack([blocks + generator.normal(0, 0.02, 8) for _ in range(4)]) for _ in range(2)]
    together = block_effects(others, *pair)
    for at in range(4):
        alone = block_effects(others[at], *(side[at] for side in pair))
        assert alone == pytest.approx(together[at])
        assert np.corrcoef(alone, blocks)[0, 1] > 0.9


def test_halves_need_a_cell_with_values(tmp_path: Path) -> None:
    study = make_study(services=["todos-go"], boots=6)
    write_campaign(tmp_path / "c", study, finished=18)
    evidence = evidence_of(read_results(tmp_path / "c"))
    table = BlockTable(evidence.cells, THROUGHPUT)
    assert all(table.halves(cell) is not None for cell in evidence.cells)
    write_campaign(tmp_path / "d", study, finished=3)
    few = evidence_of(read_results(tmp_path / "d"))
    assert all(BlockTable(few.cells, THROUGHPUT).halves(cell) is None for cell in few.cells)
