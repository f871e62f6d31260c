"""Faults that the double shows on request, each so many times and then no more.

| name | what happens |
|---|---|
| host_is_slave | login answers HOST_IS_SLAVE with the double's own address |
| redirect | the upload answers 302 to the double's own address |
| session_invalid | the session is forgotten before the call is done; ``at`` names the message |
| upload_refused | the upload answers 401 and forgets the session |
| upload_fails | the upload's bytes are taken, and its task fails |
| early_close | the upload's connection is closed after ``after_bytes``, and its task fails |
| slow_upload | the upload's bytes are taken no faster than one MiB in ``seconds`` |
| slow_task | the upload's task stays pending for ``seconds`` after its last byte |
| sr_full | VDI.create or VDI.clone answers SR_FULL |
| vdi_in_use | VDI.destroy answers VDI_IN_USE |
| answer | the message ``at`` answers ``error``, a list of code and what it carries |
"""

from __future__ import annotations

import threading
from typing import Any


class Faults:
    """What is still to be shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[dict[str, Any]] = []

    def add(self, name: str, times: int = 1, **how: Any) -> None:
        """Have the fault ``name`` shown ``times`` times."""
        with self._lock:
            self._wanted.append({"name": name, "times": times, **how})

    def take(self, name: str, at: str | None = None) -> dict[str, Any] | None:
        """The fault ``name`` where it is to be shown now, for the message ``at``; counts it as shown."""
        with self._lock:
            for fault in self._wanted:
                if fault["name"] == name and fault["times"] > 0 and fault.get("at", at) == at:
                    fault["times"] -= 1
                    return fault
        return None
