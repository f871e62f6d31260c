"""The XAPI double inside dom0: VMs start by `xl create`. It prints its address as one line of JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.doubles.xapi.server import Double
from tests.doubles.xapi.xl_backend import Xl

# Under two emulations: reading the clock must not trap, and the disk must move blocks, not words.
EXTRA = 'tsc_mode = "native"\nhdtype = "ahci"\n'


def main() -> None:
    """Serve until the standard input ends or the process is ended: main(FOLDER, PORT)."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    double = Double(folder, Xl(folder / "domains", EXTRA), "xenbr0", port)
    address = {
        "port": double.port,
        "certificate": double.certificate.read_text(),
        "password": double.password,
    }
    print(json.dumps(address), flush=True)
    double.serve()


if __name__ == "__main__":
    main()
