"""Many comparisons at once: which may be called different."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.estimates import CONFIDENCE


def discoveries(p_values: Sequence[float], rate: float = 1 - CONFIDENCE) -> list[bool]:
    """Which hypotheses are rejected so that at most ``rate`` of the rejections are false, in expectation.

    Benjamini and Hochberg, "Controlling the false discovery rate", J. Royal Statistical Society B 57, 1995:
    all up to the largest i with p_(i) <= i / m x rate. It holds for ratios that share an arm, which are
    positively dependent (Benjamini and Yekutieli, Annals of Statistics 29, 2001).
    """
    if not p_values:
        return []
    ordered = np.sort(np.asarray(p_values, dtype=np.float64))
    within = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered))
    limit = float(ordered[within[-1]]) if len(within) else -1.0
    return [p <= limit for p in p_values]
