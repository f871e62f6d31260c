"""Whether a campaign has boots enough: the rule by which blocks are added until the headline is precise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checks.evidence import evidence_of
from analysis.estimates import CONFIDENCE
from analysis.estimates.blocked import Estimate
from analysis.estimates.comparisons import Comparison, compare
from analysis.estimates.pairs import find_pairs
from analysis.records.results import read_results
from analysis.verdicts.headline import primary_comparisons
from analysis.verdicts.measures import metric_named

Array = npt.NDArray[np.float64]


def satisfied(found: Estimate, precision: float, looks: int) -> npt.NDArray[np.bool_]:
    """Whether ratios need no more boots: precise enough, or decided at a level that allows for all looks.

    To stop on half-width keeps the coverage of the intervals. To stop as soon as a difference shows would
    not, so that takes a p value of 5 % / looks (Bonferroni). ``precision`` is a share: 0.05 is 5 %.
    """
    width = found.half_width()
    with np.errstate(invalid="ignore", divide="ignore"):
        p_value = 2 * special.stdtr(found.freedom, -np.abs(found.difference) / found.standard_error)
    precise = np.nan_to_num(width, nan=math.inf) <= math.log1p(precision)
    enough: npt.NDArray[np.bool_] = precise | (np.nan_to_num(p_value, nan=1.0) <= (1 - CONFIDENCE) / looks)
    return enough


def why_enough(directory: Path) -> str:
    """Why the campaign at ``directory`` needs no more blocks, in a phrase; "" where it needs more.

    A comparison whose windows are too short or not steady is not waited for: boots do not change that.
    Raises InputError where there is no campaign.
    """
    results = read_results(directory)
    study = results.campaign.study
    if study.precision is None:
        return ""
    evidence = evidence_of(results)
    pairs, _ = find_pairs(evidence)
    comparisons: dict[str, Sequence[Comparison]] = {}
    for key in study.headline_metrics:
        metric = metric_named(key)
        if metric:
            comparisons[key] = compare(evidence, pairs, metric)
    rows = primary_comparisons(study, comparisons)
    looks = study.most_boots - study.least_boots + 1
    awaited = [
        row for row in rows if math.isfinite(evidence.allowance(row.metric, row.pair.other, row.pair.base))
    ]
    estimates = [
        Estimate(
            np.asarray(math.log(row.interval.ratio)),
            np.asarray(row.interval.standard_error),
            np.asarray(row.interval.degrees_of_freedom),
        )
        for row in awaited
    ]
    if not rows or not all(bool(satisfied(row, study.precision, looks)) for row in estimates):
        return ""
    hopeless = len(rows) - len(awaited)
    rest = f"; the windows of {hopeless} are not steady, which boots do not change" if hopeless else ""
    return (
        f"each of {len(awaited)} primary comparisons has a half-width of {study.precision * 100:g} % or is "
        f"decided{rest}"
    )
