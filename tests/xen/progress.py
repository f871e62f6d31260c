"""One line for each step, with the seconds since the start."""

from __future__ import annotations

import time

_BEGAN_S = time.monotonic()


def say(text: str) -> None:
    """Print it now."""
    print(f"[{time.monotonic() - _BEGAN_S:6.1f} s] {text}", flush=True)
