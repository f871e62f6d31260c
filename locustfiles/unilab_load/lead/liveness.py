"""Whether the target is still alive: a few errors are neither a crash nor a hang."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unilab_load.wire.failures import CONNECTION_KINDS

CRASHED_AFTER_S = 5.0
"""How long every user must have been without a connection."""


@dataclass(frozen=True)
class Ending:
    """How a run ended: state is completed, crashed, hung or invalid; ``why`` is empty when completed."""

    state: str
    why: str = ""


COMPLETED = Ending("completed")


class Liveness:
    """Follows the responses of all users together. Times are seconds that never go back."""

    def __init__(self, users: int, timeout_s: float, now_s: float) -> None:
        """Silence counts from ``now_s``."""
        self._users, self._timeout_s = users, timeout_s
        self._silent_since_s = now_s
        self._answered = 0

    def ending(self, now_s: float, answered: int, waiting: int, lost: Mapping[str, int]) -> Ending | None:
        """Crashed, hung, or None while the target may be alive.

        ``answered`` counts answers so far, ``waiting`` users with a request under way, ``lost`` those
        whose connection was taken away and who have had no answer since, by kind.
        """
        gone = {kind: count for kind, count in lost.items() if kind in CONNECTION_KINDS}
        # In an open loop nothing may fall due for long: without a request, silence means nothing.
        if answered > self._answered or not (waiting or gone):
            self._answered, self._silent_since_s = answered, now_s
        silent_s = now_s - self._silent_since_s
        if silent_s >= CRASHED_AFTER_S and sum(gone.values()) == self._users:
            kinds = ", ".join(sorted(gone))
            return Ending("crashed", f"no user has had a connection for {silent_s:.1f} s ({kinds})")
        if silent_s >= self._timeout_s and waiting and sum(gone.values()) < self._users:
            return Ending("hung", f"no user has had an answer for {silent_s:.1f} s, all are waiting for one")
        return None
