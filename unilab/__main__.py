"""``unilab COMMAND``, also as ``python -m unilab COMMAND``."""

from __future__ import annotations

import sys

from unilab.command_line import main

if __name__ == "__main__":
    sys.exit(main())
