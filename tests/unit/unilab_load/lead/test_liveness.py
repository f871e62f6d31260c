"""When a target counts as crashed or hung."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Load = Callable[[str], Any]


# Liveness: 4 users, 2 s, silent since 10.


@pytest.mark.parametrize(
    ("now_s", "waiting", "lost", "state"),
    [
        (14.9, 0, {"refused": 4}, None),
        (15.0, 0, {"refused": 4}, "crashed"),
        (15.0, 0, {"refused": 1, "reset": 1, "closed": 1, "unreachable": 1}, "crashed"),
        (15.0, 0, {"refused": 3}, None),
        (15.0, 0, {"refused": 3, "timeout": 1}, None),
        (15.0, 1, {"refused": 3}, "hung"),
        (11.9, 4, {}, None),
        (12.0, 4, {}, "hung"),
        (12.0, 1, {}, "hung"),
        (60.0, 0, {}, None),
        (14.0, 4, {"refused": 4}, None),
    ],
)
def test_ending_is_crashed_or_hung_after_its_time(
    now_s: float, waiting: int, lost: dict[str, int], state: str | None, load: Load
) -> None:
    seen = load("lead.liveness").Liveness(4, 2.0, 9.0)
    assert seen.ending(10.0, 1, 4, {}) is None
    ending = seen.ending(now_s, 1, waiting, lost)
    assert (ending and ending.state) == state
    assert ending is None or f"{now_s - 10:.1f} s" in ending.why
    if state == "crashed":
        assert ending.why.endswith(f" s ({', '.join(sorted(lost))})")


def test_response_restarts_the_silence(load: Load) -> None:
    seen = load("lead.liveness").Liveness(4, 2.0, 0.0)
    for now_s in range(1, 20):
        assert seen.ending(now_s, now_s, 4, {"closed": 4}) is None


def test_silence_without_a_request_is_no_hang(load: Load) -> None:
    liveness = load("lead.liveness").Liveness(users=4, timeout_s=2, now_s=0)
    # One request is under way at 0.5 s and answered; the next falls due ten seconds later.
    assert liveness.ending(0.5, answered=0, waiting=1, lost={}) is None
    assert liveness.ending(1.0, answered=1, waiting=0, lost={}) is None
    assert liveness.ending(10.9, answered=1, waiting=0, lost={}) is None
    assert liveness.ending(11.0, answered=1, waiting=1, lost={}) is None
    ending = liveness.ending(13.0, answered=1, waiting=1, lost={})
    assert ending is not None and ending.state == "hung"


def test_silence_counts_where_all_connections_are_lost(load: Load) -> None:
    liveness = load("lead.liveness").Liveness(users=2, timeout_s=30, now_s=0)
    assert liveness.ending(4.9, answered=0, waiting=0, lost={"refused": 2}) is None
    ending = liveness.ending(5.0, answered=0, waiting=0, lost={"refused": 2})
    assert ending is not None and ending.state == "crashed"
