"""Write the SHA-256 of the downloaded OSv kernel into the project's description of the release.

python tools/osv_lock.py requirements/osv.json results/osv.lock.json
"""

from __future__ import annotations

import sys
from pathlib import Path

import ansible.module_utils

ansible.module_utils.__path__.append(str(Path(__file__).resolve().parents[1] / "module_utils"))

from ansible.module_utils.unilab.images.osv.release import write_project_pin  # noqa: E402

from contracts.errors import InputError  # noqa: E402


def main() -> int:
    """Return the exit code: 2 where nothing was downloaded yet."""
    release, lock = (Path(argument) for argument in sys.argv[1:])
    try:
        sha256 = write_project_pin(release, lock)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{release}: sha256 {sha256}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
