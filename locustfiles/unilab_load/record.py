"""Write the reference responses of a locustfile, from a service that runs.

    python -m unilab_load.record -f LOCUSTFILE -H http://HOST:PORT [--output FILE]   (in locustfiles)

Requests everything that the locustfile's users send, some times over. Status and content type have to be the
same each time. Parts of a body that differ are shown with a guess of what they may consist of, and each guess
is asked about; all else stays exact to the byte.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unilab_load.lead.check import TargetError, fetch, reachable
from unilab_load.lead.options import targets_of
from unilab_load.lead.recording import LONGEST_BYTES, Recorded, recorded
from unilab_load.request import Request
from unilab_load.wire.exchange import ExpectedResponse, Response
from unilab_load.wire.target import Target
from unilab_load.worker.plan import InputError

_TIMEOUT_S = 30.0
# Dates with a resolution of one second differ after it.
_PAUSE_S = "1.1"


def main(words: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    options = _parser().parse_args(words)
    try:
        requests = requests_of(options.locustfile)
        target = reachable(targets_of(options.host), _TIMEOUT_S)
        rows = [_record(target, options, request) for request in requests]
        ask = _accept if options.accept else _ask
        if not all(ask(row) for row in rows):
            print(
                f"nothing was written. Remedy: make these parts the same in each response, or agree; "
                f"--accept agrees to all. {options.output} is unchanged.",
                file=sys.stderr,
            )
            return 2
        _write(options.output, [entry_of(row) for row in rows])
    except (InputError, TargetError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.output}: {len(rows)} responses")
    return 0


def requests_of(locustfile: Path) -> list[Request]:
    """What the users of ``locustfile`` send, each method and path once. Raises InputError."""
    from locust.util.load_locustfile import load_locustfile

    if not locustfile.is_file():
        raise InputError(f"-f: {locustfile}", "there is no such file", "name a locustfile")
    user_classes, *_ = load_locustfile(str(locustfile))
    tasks = [task for kind in user_classes.values() for task in kind.tasks if isinstance(task, Request)]
    for task in tasks:
        if task.problem():
            raise InputError(f"{locustfile}, request {task.__name__!r}", task.problem(), "correct it there")
    found = {(task.method, task.path): task for task in tasks}
    if not found:
        raise InputError(str(locustfile), "it has no FastUser with a request", "add one: read = get('/')")
    return list(found.values())


def entry_of(row: Recorded) -> dict[str, Any]:
    """The entry of responses.json."""
    response = row.response
    entry: dict[str, Any] = {
        "method": row.method,
        "path": row.path,
        "status": response.status,
        "content_type": response.content_type,
    }
    try:
        entry["body"] = response.body.decode()
    except UnicodeDecodeError:
        entry["body_base64"] = base64.b64encode(response.body).decode()
    if response.spans:
        entry["varying"] = [asdict(span) for span in response.spans]
    return entry


def _record(target: Target, options: argparse.Namespace, request: Request) -> Recorded:
    allowed = Response(0, "", bytes(LONGEST_BYTES))
    asked = ExpectedResponse(request.method, request.path, allowed, request.body, request.headers)
    seen = []
    for number in range(options.times):
        if number:
            time.sleep(options.pause_s)
        seen.append(fetch(target, _TIMEOUT_S, asked))
    return recorded(request.method, request.path, seen)


def _accept(row: Recorded) -> bool:
    _show(row)
    return True


def _ask(row: Recorded) -> bool:
    _show(row)
    if not row.response.spans:
        return True
    if not sys.stdin.isatty():
        return False
    return input(f"{row.method} {row.path}: may these parts vary so? [y/N] ").strip().lower() in ("y", "yes")


def _show(row: Recorded) -> None:
    for span, values in zip(row.response.spans, row.values, strict=True):
        examples = " and ".join(repr(value.decode(errors="replace")) for value in values[:2])
        print(
            f"{row.method} {row.path}: bytes {span.start} to {span.end} differ: {examples}. "
            f"Guess: {span.least} to {span.most} bytes of {span.kind}"
        )


def _write(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Whole or not at all."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(
            f"--output: {path}", f"cannot be written: {error.strerror}", "name another"
        ) from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(entries, stream, indent=2)
        stream.write("\n")
        stream.flush()
        os.fchmod(stream.fileno(), 0o644)
        os.fsync(stream.fileno())
    Path(name).replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unilab_load.record", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("-f", "--locustfile", type=Path, required=True, help="whose requests are recorded")
    parser.add_argument("-H", "--host", required=True, help="http://HOST:PORT of the running service")
    parser.add_argument(
        "--output", type=Path, default=Path("responses.json"), help="file to write (default: responses.json)"
    )
    parser.add_argument(
        "--times", type=_times, default=3, help="requests of each, to find what varies (default: 3)"
    )
    parser.add_argument(
        "--pause-s", type=float, default=_PAUSE_S, help=f"seconds between two of them (default: {_PAUSE_S})"
    )
    parser.add_argument("--accept", action="store_true", help="agree to every guess of a varying part")
    return parser


def _times(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 20:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 2 to 20")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
