"""Simulate the estimates of a campaign: ``python -m benchmarks.precision [--write docs/method.md]``.

Without ``--write`` the tables are printed. With it they replace the tables of that file, each between its own
two markers. The same seed gives the same figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.precision import intervals, stopping

CAMPAIGNS = 20_000
Table = Callable[[int], list[str]]
TABLES: Mapping[str, Table] = {
    "intervals of nine cells": intervals.table,
    "intervals of three cells": lambda campaigns: intervals.table(campaigns, cells=3),
    "intervals of two cells": lambda campaigns: intervals.table(campaigns, cells=2),
    "stopping": stopping.table,
}


def main() -> int:
    """Print the tables, or write them into a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--campaigns", type=int, default=CAMPAIGNS, help="simulated for each figure")
    parser.add_argument("--write", type=Path, help="file whose tables are replaced")
    options = parser.parse_args()
    tables = {name: "\n".join(make(options.campaigns)) for name, make in TABLES.items()}
    if options.write is None:
        print("\n\n".join(f"{name}\n\n{text}" for name, text in tables.items()))
        return 0
    content = options.write.read_text(encoding="utf-8")
    for name, text in tables.items():
        try:
            content = replaced(content, name, text)
        except ValueError as error:
            print(f"{options.write}: {error}", file=sys.stderr)
            return 2
    options.write.write_text(content, encoding="utf-8")
    return 0


def replaced(content: str, name: str, text: str) -> str:
    """``content`` with ``text`` between the markers of table ``name``. Raises ValueError without markers."""
    begin, end = f"<!-- simulated: {name} -->\n", "\n<!-- end -->"
    before, found, rest = content.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no markers for the table '{name}': add {begin.strip()} and {end.strip()}")
    return f"{before}{begin}{text}{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
