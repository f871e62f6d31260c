"""The search for the highest rate that keeps a limit: doubling, then bisection."""

from __future__ import annotations

import math
from typing import Any

from unilab_load.lead.options import LoadOptions

_CLOSE_ENOUGH = 1.05
_MOST_STEPS = 14


class RateSearch:
    """Names one rate after another; ``add_result`` reports whether the limit was kept.

    Doubles from ``first_per_s`` until the limit breaks (or halves until it holds), then bisects on a
    logarithmic scale until the highest rate that kept it is within 5 % of the lowest that did not.
    """

    def __init__(self, first_per_s: float) -> None:
        self.rate_per_s = first_per_s
        self.kept_per_s = 0.0
        self._broke_per_s = math.inf
        self._steps = 0

    def add_result(self, kept: bool) -> bool:
        """Take the result at ``rate_per_s`` and choose the next rate; False when the search is over."""
        self._steps += 1
        if kept:
            self.kept_per_s = max(self.kept_per_s, self.rate_per_s)
        else:
            self._broke_per_s = min(self._broke_per_s, self.rate_per_s)
        if self._steps == _MOST_STEPS or self._broke_per_s <= self.kept_per_s * _CLOSE_ENOUGH:
            return False
        if math.isinf(self._broke_per_s):
            self.rate_per_s *= 2
        elif self.kept_per_s == 0:
            self.rate_per_s /= 2
        else:
            self.rate_per_s = math.sqrt(self.kept_per_s * self._broke_per_s)
        return True


def search_step(options: LoadOptions, rate_per_s: float, load: dict[str, Any] | None) -> dict[str, Any]:
    """The result at ``rate_per_s``, as the record's ``search`` holds it; ``load`` is what was measured."""
    limit_ms = options.search_p99_ms
    assert limit_ms is not None
    if load is None:
        return {
            "rate_per_s": rate_per_s,
            "p99_ms": None,
            "throughput_per_s": 0.0,
            "kept": False,
            "why": "no answer",
        }
    p99_ms = load["percentiles_ms"]["p99"]
    why = ""
    if load["verdict"] != "valid":
        why = f"generator: {load['verdict']}"
    elif load["errors"]:
        why = f"errors: {load['errors']}"
    elif load["unsent"]:
        why = f"{load['unsent']} requests found no free connection"
    elif p99_ms > limit_ms:
        why = f"p99 {p99_ms:.1f} ms"
    return {
        "rate_per_s": rate_per_s,
        "p99_ms": p99_ms,
        "throughput_per_s": load["throughput_per_s"],
        "kept": not why,
        "why": why,
    }
