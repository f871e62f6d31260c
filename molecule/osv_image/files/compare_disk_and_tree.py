"""Compare the file system on an OSv disk (first argument) with a folder (second)."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

from rofs_reader import RofsReader

PARTITION_AT, SECTOR_BYTES = 0x1BE + 16, 512


def main() -> None:
    """Compare them; print how many entries are the same, or end with the first that is not."""
    disk, folder = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
    first, count = struct.unpack_from("<II", disk, PARTITION_AT + 8)
    held = RofsReader(disk[first * SECTOR_BYTES : (first + count) * SECTOR_BYTES]).tree()
    wanted = {os.fsencode(path.relative_to(folder)): _content(path) for path in folder.rglob("*")}
    for path in sorted(held.keys() | wanted.keys()):
        if path not in held or path not in wanted or held[path] != wanted[path]:
            sys.exit(f"differs: {path!r}")
    print(f"the same {len(held)} entries")


def _content(path: Path) -> bytes | None:
    if path.is_symlink():
        return b"-> " + os.fsencode(path.readlink())
    return None if path.is_dir() else path.read_bytes()


if __name__ == "__main__":
    main()
