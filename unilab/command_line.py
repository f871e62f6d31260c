"""The command line of ``unilab``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from contracts.arms import known_arms
from contracts.errors import InputError
from contracts.workload import SERVICES
from unilab import commands
from unilab.running import PROJECT

_EPILOG = """examples:
  unilab plan studies/one_machine.yml            cells, blocks, duration, disk
  unilab run studies/smoke.yml --set boots=3     on this machine's laboratory
  unilab run studies/paper.yml -i ~/lab          on your machines
  unilab status --watch                          the newest campaign, from another terminal
  unilab resume demo-20261127T120000Z            go on with a stopped campaign
  unilab try todos-go --arm linux-qemu           one boot, with the console where it fails
  unilab doctor -i ~/lab                         what is wrong with the machines

exit codes:
  0  it worked
  1  compare --limit: a count rose by more than the limit; doctor: something is wrong; try: it did not work
  2  bad input, nothing was changed: one line names file, key and remedy
  3  report, compare: it worked, but some input is damaged, and each is named
  4  run, resume, try, clean: Ansible failed; the log is named
  130  stopped by Ctrl-C: unilab resume goes on
"""


def main(words: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = parsed(words)
    try:
        code: int = options.call(options)
        sys.stdout.flush()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; `unilab resume` goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe left early. Give stdout a place to go, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The words of a command as options. Raises SystemExit where they are none, after a message."""
    return _parser().parse_args(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unilab",
        description="Plan, run, watch and resume campaigns.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    plan = _command(parsers, "plan", commands.plan, "print what a study will take: cells, blocks, time, disk")
    _study(plan)
    _results(plan)
    _json(plan)

    run = _command(parsers, "run", commands.run, "run a study, or go on with its unfinished campaign")
    _study(run)
    run.add_argument("--campaign", default="", help="name of the campaign (default: study and time)")
    _laboratory(run)
    _results(run)

    resume = _command(parsers, "resume", commands.resume, "go on with a stopped campaign, with its own study")
    _campaign(resume)
    _laboratory(resume)
    _results(resume)

    attempt = _command(
        parsers, "try", commands.attempt, "boot a service once on one arm, and print what came of it"
    )
    attempt.add_argument("service", choices=SERVICES, metavar="SERVICE", help=f"one of {', '.join(SERVICES)}")
    attempt.add_argument(
        "--arm", choices=known_arms(), default="docker", help="what it runs on (default: docker)"
    )
    attempt.add_argument("--memory-mib", type=int, default=256, help="memory of the instance (default: 256)")
    _laboratory(attempt)

    status = _command(parsers, "status", commands.status, "print what is done, running and to do")
    _campaign(status)
    status.add_argument("--watch", action="store_true", help="print it again every 2 s, until it is finished")
    _results(status)
    _json(status)

    report = _command(parsers, "report", commands.report, "write the page of a campaign, and print its path")
    _campaign(report)
    report.add_argument("--output", type=Path, help="where to write (default: in the campaign's folder)")
    _results(report)

    compare = _command(
        parsers, "compare", commands.compare, "compare arms, or the counted work of two campaigns"
    )
    _campaign(compare)
    compare.add_argument("other", nargs="?", default="", help="a second campaign")
    compare.add_argument("--limit", type=float, help="exit 1 where a count rose by more than this share")
    compare.add_argument("--metric", default="", help="one metric's key (default: all)")
    _results(compare)

    doctor = _command(
        parsers, "doctor", commands.doctor, "find what is wrong with the machines of an inventory"
    )
    _laboratory(doctor)
    _results(doctor)
    _json(doctor)

    clean = _command(
        parsers, "clean", commands.clean, "end every process and namespace of the laboratory here"
    )
    _laboratory(clean)
    return parser


def _command(
    parsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, call: commands.Command, what: str
) -> argparse.ArgumentParser:
    made = parsers.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(call=call)
    return made


def _study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study", nargs="?", default="studies/demo.yml", help="the study's file (default: studies/demo.yml)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="set a key of the study, nested ones by dots: --set boots=3 --set load.todos.users=8",
    )


def _campaign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("campaign", nargs="?", default="", help="its name or folder (default: the newest)")


def _laboratory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-i",
        "--inventory",
        action="append",
        default=None,
        metavar="PATH",
        help="inventory, may be given more than once (default: inventories/server)",
    )
    parser.add_argument(
        "-e", "--extra-vars", action="append", default=[], metavar="NAME=VALUE", help="a variable for Ansible"
    )
    parser.add_argument(
        "--vault-password-file", type=Path, help="file with the password of the inventory's vault"
    )


def _results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=Path, default=PROJECT / "results", help="folder of all campaigns (default: results)"
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
