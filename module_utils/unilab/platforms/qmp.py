"""A small client of QEMU's machine protocol (QMP, docs/interop/qmp-spec in QEMU)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.base import Host, LocalHost


def execute(
    path: Path, command: str, timeout_s: float = 10, host: Host | None = None, **arguments: Any
) -> Any:
    """Return what the QEMU behind the socket ``path`` of ``host`` answers to ``command``.

    ``host`` is this machine by default. Raises LabError.
    """
    try:
        with (host or LocalHost()).connect(str(path), timeout_s) as connection:
            stream = connection.makefile("rw", encoding="utf-8")
            stream.readline()  # the greeting
            _ask(stream, {"execute": "qmp_capabilities"})
            answer = _ask(stream, {"execute": command, "arguments": arguments})
    except OSError as error:
        raise LabError(f"QEMU does not answer at {path}: {error}.") from None
    if "error" in answer:
        raise LabError(f"QEMU refused '{command}': {answer['error'].get('desc')}.")
    return answer["return"]


def _ask(stream: Any, message: dict[str, Any]) -> dict[str, Any]:
    stream.write(json.dumps(message) + "\n")
    stream.flush()
    while True:
        line = stream.readline()
        if not line:
            raise OSError("the connection was closed")
        answer: dict[str, Any] = json.loads(line)
        if "event" not in answer:
            return answer
