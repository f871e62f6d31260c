"""Whether the target still lives: a few errors are neither a crash nor a hang."""

from __future__ import annotations

from dataclasses import dataclass

from unilab_load.failures import CONNECTION_KINDS

CRASHED_AFTER_S = 5.0
"""How long every user must have been without a connection."""


@dataclass(frozen=True)
class Ending:
    """How a run ended: state is completed, crashed, hung or invalid; ``why`` is empty when completed."""

    state: str
    why: str = ""


class Liveness:
    """Follows the latest request of every user. Times are seconds on one clock that never goes back."""

    def __init__(self, users: int, timeout_s: float) -> None:
        self._users = users
        self._timeout_s = timeout_s
        self._latest_answer_s = 0.0
        self._answered: set[int] = set()
        self._lost: dict[int, str] = {}

    def start(self, now_s: float) -> None:
        """Silence counts from here."""
        self._latest_answer_s = now_s

    def sent(self, user: int) -> None:
        """``user`` waits for an answer."""
        self._answered.discard(user)

    def answered(self, user: int, now_s: float) -> None:
        """``user`` got an answer, be it right or wrong."""
        self._latest_answer_s = now_s
        self._answered.add(user)
        self._lost.pop(user, None)

    def failed(self, user: int, kind: str) -> None:
        """``user`` got no answer, for the reason ``kind``."""
        if kind in CONNECTION_KINDS:
            self._lost[user] = kind
        else:
            self._lost.pop(user, None)

    def ending(self, now_s: float) -> Ending | None:
        """Crashed, hung, or None while the target may be alive."""
        silent_s = now_s - self._latest_answer_s
        if silent_s >= CRASHED_AFTER_S and len(self._lost) == self._users:
            kinds = ", ".join(sorted(set(self._lost.values())))
            return Ending("crashed", f"no user has had a connection for {silent_s:.1f} s ({kinds})")
        if silent_s >= self._timeout_s and not self._answered and len(self._lost) < self._users:
            return Ending("hung", f"no user has had an answer for {silent_s:.1f} s, all are waiting for one")
        return None
