"""load.json: how the run ended, what it measured, and which instance it measured."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unilab_load.lead.check import Identity
from unilab_load.lead.liveness import Ending


def write_outcome(path: Path, ending: Ending, load: dict[str, Any] | None, identity: Identity | None) -> None:
    """Write ``path`` aside, sync it and rename it, so that it is whole or absent.

    ``load`` has the keys of the record's part ``load``; it is null where nothing was measured, as
    ``identity`` is where the target stated none. Raises OSError.
    """
    content = {
        "outcome": asdict(ending),
        "load": load,
        "identity": None if identity is None else asdict(identity),
    }
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=2, allow_nan=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
