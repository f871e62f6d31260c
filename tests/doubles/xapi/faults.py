"""Faults that the double shows on request, each a given number of times.

| name | what happens |
|---|---|
| host_is_slave | login answers HOST_IS_SLAVE with the double's own address |
| redirect | the upload answers 302 to the double's own address, or to ``to``, an https://ADDRESS:PORT |
| session_invalid | the session is forgotten before the call is done; ``at`` names the message |
| upload_refused | the upload answers 401 and forgets the session |
| upload_fails | the upload's bytes are read, and its task fails |
| early_close | the upload's connection is closed after ``after_bytes``, and its task fails |
| slow_upload | the upload's bytes are read no faster than one MiB in ``seconds`` |
| slow_task | the upload's task stays pending for ``seconds`` after its last byte |
| sr_full | VDI.create or VDI.clone answers SR_FULL |
| vdi_in_use | VDI.destroy answers VDI_IN_USE |
| answer | the message ``at`` answers ``error``, a list of the code and its parameters |
| value | the message ``at`` answers the XML-RPC value ``value`` in place of its status and result |
| foreign | the message ``at`` answers the bytes ``content``, status line and headers included |
"""

from __future__ import annotations

import threading
from typing import Any


class Faults:
    """The faults that remain to be shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[dict[str, Any]] = []

    def add(self, name: str, times: int = 1, **how: Any) -> None:
        """Show the fault ``name`` ``times`` times."""
        with self._lock:
            self._wanted.append({"name": name, "times": times, **how})

    def take(self, name: str, at: str | None = None) -> dict[str, Any] | None:
        """The fault ``name`` if one remains for the message ``at``; it then counts as shown."""
        with self._lock:
            for fault in self._wanted:
                if fault["name"] == name and fault["times"] > 0 and fault.get("at", at) == at:
                    fault["times"] -= 1
                    return fault
        return None
