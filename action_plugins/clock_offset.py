"""Action plugin clock_offset: how far a host's clock is from the controller's, and how well that is known."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

ROUNDS = 5


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs ``date`` on the host a few times and keeps the round with the shortest way there and back."""

    TRANSFERS_FILES = False
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return ``offset_ns`` (host less controller) and ``error_ns``, by how much it may be wrong."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        rounds = [self._round() for _ in range(ROUNDS)]
        error_ns, offset_ns = min(rounds)
        return result | {"changed": False, "offset_ns": offset_ns, "error_ns": error_ns}

    def _round(self) -> tuple[int, int]:
        """One exchange, as in NTP (RFC 5905, section 8) with one stamp on the host: (error, offset) in ns."""
        before_ns = time.time_ns()
        done = self._low_level_execute_command("date +%s%N", sudoable=False)
        after_ns = time.time_ns()
        answer = done["stdout"].strip()
        if done["rc"] or not answer.isdigit():
            raise AnsibleError(f"date +%s%N failed: {done.get('stderr', '').strip() or answer}")
        return (after_ns - before_ns + 1) // 2, int(answer) - (before_ns + after_ns) // 2
