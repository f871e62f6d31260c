"""The command line: ``python -m analysis COMMAND results/CAMPAIGN``."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from analysis import commands
from analysis.compare_campaigns import compare_campaigns
from contracts.errors import InputError

_EXAMPLES = """examples:
  python -m analysis check   results/demo                  what counts, what does not and why
  python -m analysis table   results/demo > trials.csv     one row per trial
  python -m analysis table   results/demo --of seconds     or footprints, or percentiles
  python -m analysis compare results/demo                  ratios between arms, with intervals
  python -m analysis compare results/A results/B --limit 0.02
                                                           counted work of two campaigns: a regression gate
  python -m analysis claims  results/demo                  the study's claims, answered
  python -m analysis report  results/demo                  writes results/demo/report.html
  python -m analysis power   results/demo                  boots that a half-width needs
  python -m analysis status  results/demo                  done, to do, not run

exit codes:
  0  it worked
  1  check: some trial or cell does not count; compare A B --limit: a count rose by more than the limit
  2  bad input, nothing was written: one line names file, key and remedy
  3  it worked, but some input is damaged: each is named on the error output, all the rest was used
"""

_HELP = {
    "check": "say what counts, what does not and why",
    "table": "print a tidy table as CSV",
    "compare": "print the ratios between arms, or of the counted work of two campaigns, as CSV",
    "claims": "print every claim of the study and of its repetition with a verdict, as CSV",
    "report": "write one self-contained HTML page and its figures, and print the page's path",
    "power": "print how many boots a half-width needs, by a pilot's variation that its blocks do not explain",
    "status": "print what is done, to do and not run",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = _run(options)
        sys.stdout.flush()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of a pipe left early. Give stdout a place to go, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(options: argparse.Namespace) -> int:
    if options.command == "claims" and options.campaign is None:
        return commands.claims_of_others()
    if options.command == "report":
        return commands.report(options.campaign, options.output)
    source = commands.read(options.campaign)
    match options.command:
        case "check":
            code = commands.check(source)
        case "table":
            code = commands.table(source, options.of)
        case "compare":
            code = _compare(source, options)
        case "claims":
            code = commands.claims(source)
        case "power":
            code = commands.power(source, options.half_width, options.metric)
        case _:
            code = commands.status(source)
    return commands.damage_code(source) or code


def _compare(source: commands.Source, options: argparse.Namespace) -> int:
    if options.other is None:
        if options.limit is not None:
            raise InputError("--limit", "", "it needs a second campaign", "give two folders, or no --limit")
        return commands.compare_arms(source, options.metric)
    other = commands.read(options.other)
    code = compare_campaigns(source.evidence, other.evidence, options.metric, options.limit)
    return commands.damage_code(other) or code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description="Say what a campaign's records mean. Records are read, never changed.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {}
    for name, what in _HELP.items():
        made[name] = parsers.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=_EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        folder = "folder of the campaign, results/CAMPAIGN"
        if name == "claims":
            stated = f"{folder}; omitted: only what the repetition says"
            made[name].add_argument("campaign", type=Path, nargs="?", help=stated)
        else:
            made[name].add_argument("campaign", type=Path, help=folder)
    made["table"].add_argument(
        "--of", choices=sorted(commands.TABLES), default="trials", help="which table (default: trials)"
    )
    made["compare"].add_argument(
        "other",
        type=Path,
        nargs="?",
        help="folder of a second campaign: its counted work divided by the first one's, cell by cell",
    )
    made["compare"].add_argument(
        "--limit", type=_share, help="exit 1 where a count rose by more than this share, 0.02 for 2 %%"
    )
    made["compare"].add_argument("--metric", default="", help="one metric's key (default: all)")
    made["report"].add_argument("--output", type=Path, help="where to write (default: in the folder)")
    made["power"].add_argument(
        "--half-width",
        type=_share,
        action="append",
        help="wanted half of a ratio's interval, 0.05 for 5 %% (default: 0.01 to 0.25)",
    )
    made["power"].add_argument("--metric", default="throughput", help="its key (default: throughput)")
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


if __name__ == "__main__":
    # One command only builds up and ends: the collector would walk ten thousand records again and again.
    gc.disable()
    sys.exit(main())
