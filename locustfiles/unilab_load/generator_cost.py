"""What the load generator itself cost, and whether that spoils the trial."""

from __future__ import annotations

import time

CPU_LIMIT_PERCENT = 80.0
LITTLE_TOLERANCE = 0.05


class CpuMeter:
    """CPU time of this process, user and system, over the measured window. Times in seconds."""

    def __init__(self) -> None:
        self._start: tuple[float, float] | None = None
        self._stop: tuple[float, float] | None = None

    @property
    def started(self) -> bool:
        """Whether the window has begun."""
        return self._start is not None

    def start(self, now_s: float) -> None:
        """The window begins. Later calls change nothing."""
        self._start = self._start or (now_s, time.process_time())

    def stop(self, now_s: float) -> None:
        """The window ends. Later calls change nothing."""
        self._stop = self._stop or (now_s, time.process_time())

    def read(self) -> tuple[float, float]:
        """Return (CPU seconds, percent of one core) between start and stop."""
        assert self._start is not None and self._stop is not None
        wall_s = self._stop[0] - self._start[0]
        cpu_s = self._stop[1] - self._start[1]
        return cpu_s, 100 * cpu_s / wall_s if wall_s > 0 else 0.0


def verdict(cpu_percent: float, little_residual: float, errors: int) -> str:
    """Return ``valid``, or why the generator spoils the trial.

    ``little_residual`` is X*R/N - 1 (Little 1961: in a closed loop without think time N = X*R). What is
    missing was spent in the generator and not in waiting for the target.
    """
    reasons = []
    if cpu_percent > CPU_LIMIT_PERCENT:
        reasons.append(f"generator used {cpu_percent:.0f} % of a core, limit {CPU_LIMIT_PERCENT:.0f} %")
    # A failed request occupies its user and is in neither X nor R, so the law can only be held against a
    # window without errors.
    if errors == 0 and abs(little_residual) > LITTLE_TOLERANCE:
        reasons.append(
            f"Little's law fails by {100 * little_residual:+.1f} %, limit {100 * LITTLE_TOLERANCE:.0f} %"
        )
    return "; ".join(reasons) or "valid"
