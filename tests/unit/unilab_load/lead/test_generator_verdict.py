"""Which evidence makes a trial invalid, and with which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]


# Verdicts.

_GOOD: dict[str, Any] = {
    "cpu_percent": 80.0,
    "requests": 10_000,
    "errors": {},
    "throughput_per_s": 1000.0,
    "little_residual": -0.05,
    "ceiling_per_s": None,
    "own_lateness_p99_ms": None,
    "response_p50_ms": 2.0,
    "link_use": None,
    "retransmits": 10,
}


_DROPPED = (
    "11 TCP segments were sent again for 10000 requests, on connections that the target had answered on:"
    " the path or the client dropped them"
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "valid"),
        ({"cpu_percent": 81.0}, "generator used 81 % of a core, limit 80 %"),
        ({"ceiling_per_s": 1060.0}, "valid"),
        ({"ceiling_per_s": 1050.0}, "1000 requests/s are within 5 % of the generator's ceiling, 1050"),
        ({"little_residual": -0.06}, "Little's law fails by -6.0 %, limit 5 %"),
        ({"little_residual": 0.06}, "Little's law fails by +6.0 %, limit 5 %"),
        ({"little_residual": -0.06, "errors": {"status": 1}}, "valid"),
        ({"little_residual": None}, "valid"),
        ({"own_lateness_p99_ms": 1.0}, "valid"),
        ({"own_lateness_p99_ms": 1.1}, "1 % of requests were sent over 1.1 ms late, limit 1.0 ms"),
        ({"own_lateness_p99_ms": 4.9, "response_p50_ms": 100.0}, "valid"),
        (
            {"own_lateness_p99_ms": 5.1, "response_p50_ms": 100.0},
            "1 % of requests were sent over 5.1 ms late, limit 5.0 ms",
        ),
        ({"link_use": 0.8}, "valid"),
        ({"link_use": 0.9}, "the client's link was used to 90 %, limit 80 %"),
        ({"retransmits": 11}, _DROPPED),
        ({"retransmits": 11, "response_p50_ms": 199.9}, _DROPPED),
        ({"retransmits": 11, "response_p50_ms": 200.0}, "valid"),
        ({"retransmits": 11, "requests": 11_000}, "valid"),
        ({"errors": {"no_port": 1, "refused": 2}}, "the client ran out of ports"),
        ({"errors": {"no_file": 1}}, "the client ran out of files"),
        ({"errors": {"refused": 2, "timeout": 1}}, "valid"),
        ({"lost": ["b"]}, "load process lost: b"),
        (
            {"lost": ["a", "b"], "cpu_percent": 99.0},
            "load process lost: a; load process lost: b; generator used 99 % of a core, limit 80 %",
        ),
    ],
)
def test_verdict_names_every_limit_that_is_passed(changes: dict[str, Any], reason: str, load: Load) -> None:
    module = load("lead.verdict")
    assert module.generator_verdict(module.GeneratorUse(**(_GOOD | changes))) == reason


def test_caution_names_the_target_side_where_it_dropped_segments(load: Load) -> None:
    caution = load("lead.verdict").caution
    assert caution(0) == ""
    assert caution(7) == (
        "7 TCP segments were sent again before the target's first response on their connection:"
        " the target (a full listen queue) or the path dropped them, not the generator"
    )
