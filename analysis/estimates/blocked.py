"""The difference between two arms that were booted in the same randomised blocks.

Each block holds one boot of every cell, so what the machine does to a whole block falls on all cells alike.
Three standard errors of one difference of log means are known, and each of them covers the truth:

``welch``
    the boots as they are. It never covers too little, and is far too wide where the machine drifts.
``adjusted``
    Welch on boots less the effect of their block. That effect is the mean over the page's *other* cells of
    their residuals in the block, so it is independent of both arms of the pair; it is shrunk towards zero by
    the part of its variance that is noise (James and Stein 1961), so that a machine without drift costs
    nothing. Boots of both arms lose the same effect, so the difference of means stays where none is missing.
``paired``
    Student's t on differences within blocks. It needs nothing of the other cells, and has half the degrees
    of freedom.

Adjusted is used where it is narrower than Welch by a tenth, which is rare without drift. Paired is used where
it is narrower by a factor: a block then did something else to the pair than to the other cells.
docs/method.md has coverage and width of each scenario; ``python -m benchmarks.precision`` computes them by
this very code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.estimates import CONFIDENCE

Array = npt.NDArray[np.float64]
Method = Literal["welch", "adjusted", "paired"]

METHODS: tuple[Method, ...] = ("welch", "adjusted", "paired")
MINIMUM_BLOCKS = 2
# From so many blocks on, paired t replaces the others where they are wider by the factor. With fewer blocks
# its own width varies so much that only a gross difference is evidence, and with three or less nothing is.
_FACTORS = ((4, 3.0), (6, 2.0))
# To take the narrower of two that hardly differ would gain nothing and cost coverage.
_CLEARLY = 0.9
# With missing boots the additive fit of cells and blocks is iterated; it converges by a factor of about the
# missing share a round.
_ROUNDS = 6


class Estimate(NamedTuple):
    """Difference of means, its standard error and degrees of freedom, along the leading axes."""

    difference: Array
    standard_error: Array
    freedom: Array

    def half_width(self, confidence: float = CONFIDENCE) -> Array:
        """Half of the two-sided interval; NaN where there is none."""
        width: Array = special.stdtrit(self.freedom, (1 + confidence) / 2) * self.standard_error
        return width


@dataclass(frozen=True)
class BlockedDifference:
    """The estimate that is used, and which of METHODS it is, by position."""

    estimate: Estimate
    method: npt.NDArray[np.int64]


def blocked_difference(other: Array, base: Array, others: Array) -> BlockedDifference:
    """Mean of ``other`` less mean of ``base``, by the narrowest standard error that may be used.

    Args:
        other, base: logarithms (or any quantity that blocks shift), shape (..., blocks); NaN for a boot
            that is missing. Two boots at least on each side.
        others: the same of the page's other cells, shape (..., cells, blocks); no cell is allowed.
    """
    plain = welch_estimate(other, base)
    effect = block_effects(others, other, base)
    adjusted = welch_estimate(other - effect, base - effect)
    paired = paired_estimate(other, base)
    widths = [np.where(np.isfinite(row.half_width()), row.half_width(), np.inf) for row in (plain, adjusted)]
    method = np.where(widths[1] < _CLEARLY * widths[0], 1, 0)
    blocks = np.sum(~np.isnan(other - base), axis=-1)
    factor = np.full(blocks.shape, np.inf)
    for least, value in _FACTORS:
        factor = np.where(blocks >= least, value, factor)
    of_pairs = paired.half_width()
    # Pairs that do not differ at all give no interval: infinity times their width of 0 is no number.
    with np.errstate(invalid="ignore"):
        narrower = np.choose(method, widths) > factor * of_pairs
    method = np.where((of_pairs > 0) & narrower, 2, method)
    return BlockedDifference(
        Estimate(*(np.choose(method, list(rows)) for rows in zip(plain, adjusted, paired, strict=True))),
        method,
    )


def welch_estimate(other: Array, base: Array) -> Estimate:
    """Two independent sets of boots, shape (..., boots), NaN for a missing one.

    Welch, "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34, 1947; degrees of freedom by Satterthwaite, Biometrics Bulletin 2, 1946.
    """
    means, of_means, counts = zip(*(_moments(side) for side in (other, base)), strict=True)
    total = of_means[0] + of_means[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = total**2 / sum(part**2 / (count - 1) for part, count in zip(of_means, counts, strict=True))
    return Estimate(means[0] - means[1], np.sqrt(total), freedom)


def paired_estimate(other: Array, base: Array) -> Estimate:
    """Differences within the blocks that hold a boot of each arm: Student, Biometrika 6, 1908."""
    mean, of_mean, count = _moments(other - base)
    return Estimate(mean, np.sqrt(of_mean), count - 1.0)


def block_effects(others: Array, *pair: Array) -> Array:
    """What each block did to the ``others``, shrunk by its own noise; shape (..., blocks), mean 0.

    Args:
        others: shape (..., cells, blocks), NaN for a missing boot.
        pair: the arms that will lose the effect, shape (..., blocks). They do not enter the effect itself.
            Beside one other cell only, they are needed to separate the noise of a boot from the blocks.
    """
    cells, blocks = others.shape[-2:]
    if not cells or blocks < MINIMUM_BLOCKS:
        return np.zeros((*others.shape[:-2], blocks))
    effect, residual = _additive(others)
    if cells > 1:
        noise = _noise(residual, others) / cells
        between = np.sum(effect**2, axis=-1) / (blocks - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.nan_to_num(np.clip(1 - noise / between, 0, 1))
    else:
        page = np.concatenate([others, *(side[..., None, :] for side in pair)], axis=-2)
        of_page, residual = _additive(page)
        noise = _noise(residual, page)
        between = np.maximum(np.sum(of_page**2, axis=-1) / (blocks - 1) - noise / page.shape[-2], 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.nan_to_num(between / (between + noise))
    return effect * share[..., None]


def _additive(values: Array) -> tuple[Array, Array]:
    """Effect of each block (mean 0) and residuals of value = cell + block + residual: least squares."""
    missing = np.isnan(values)
    known = np.where(missing, 0.0, values)
    in_cell, in_block = (np.maximum((~missing).sum(axis=axis), 1) for axis in (-1, -2))
    effect = np.zeros((*values.shape[:-2], values.shape[-1]))
    for _ in range(_ROUNDS if missing.any() else 1):
        of_blocks = np.where(missing, 0.0, effect[..., None, :])
        cell = (known - of_blocks).sum(axis=-1) / in_cell
        effect = np.where(missing, 0.0, known - cell[..., None]).sum(axis=-2) / in_block
        effect = effect - effect.mean(axis=-1, keepdims=True)
    return effect, np.where(missing, 0.0, known - cell[..., None] - effect[..., None, :])


def _noise(residual: Array, values: Array) -> Array:
    """Mean square of what neither cell nor block explains."""
    cells, blocks = values.shape[-2:]
    freedom = np.maximum((~np.isnan(values)).sum(axis=(-2, -1)) - cells - blocks + 1, 1)
    return np.sum(residual**2, axis=(-2, -1)) / freedom


def _moments(values: Array) -> tuple[Array, Array, Array]:
    """Mean, squared standard error of the mean, and number of values that are not NaN, on the last axis."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=-1) / count
        squares = np.where(known, values - mean[..., None], 0.0)
        of_mean = np.sum(squares**2, axis=-1) / (count - 1.0) / count
    return mean, np.where(count > 1, of_mean, np.nan), count
