"""The command line: ``python -m analysis report|table|status results/CAMPAIGN``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from analysis.report import render
from analysis.results import read_results
from analysis.status import status_lines
from analysis.table import write_table
from contracts.campaign import write_atomically
from contracts.errors import InputError

_EXAMPLE = """example:
  python -m analysis report results/demo                  writes results/demo/report.html
  python -m analysis table results/demo > trials.csv      one row per trial
  python -m analysis status results/demo                  done, to do, not run
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did its work, 2 for bad input, which changes nothing."""
    options = _parser().parse_args(arguments)
    try:
        results = read_results(options.campaign)
        if options.command == "table":
            write_table(results, sys.stdout)
        elif options.command == "status":
            print("\n".join(status_lines(results)))
        else:
            print(_write_report(options.campaign, options.output, render(results, options.campaign)))
        sys.stdout.flush()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of a pipe left early. Give stdout a place to go, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _write_report(campaign: Path, output: Path | None, page: str) -> Path:
    path = output or campaign / "report.html"
    if path.is_dir():
        raise InputError(path, "", "this is a folder", "give --output the path of a file")
    try:
        write_atomically(path, page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(path, "", f"cannot write: {reason}", "give --output another path") from None
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="Say what a campaign's records mean. Records are read, never changed.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (
        ("report", "write one self-contained HTML page and print its path"),
        ("table", "print one CSV row per recorded trial"),
        ("status", "print what is done, to do and not run"),
    ):
        command = commands.add_parser(
            name,
            help=what,
            description=what,
            epilog=_EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("campaign", type=Path, help="folder of the campaign, results/CAMPAIGN")
        if name == "report":
            command.add_argument("--output", type=Path, help="where to write (default: in the folder)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
