"""The load's own command line options, read and checked before the first request."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from unilab_load.wire.target import Target, targets
from unilab_load.worker.plan import (
    InputError,
    LoadPlan,
    above_zero,
    assignments,
    count,
    one_of,
    option,
    text,
)


@dataclass(frozen=True)
class LoadOptions:
    """One run as it was requested.

    Attributes:
        targets: every address of the target's name; the first that answers is loaded.
        users: N of the closed loop, connections of the open loop.
        plan: how long and how often.
        output: folder for load.json and latency.hlog.
        responses: the file of right responses.
        parameters: of the workload, by name; they stand in braces in the bodies of right responses.
        identity: what the target has to answer to GET /identity. nonce: its identity. answers: nothing, and
            of --responses only what is loaded: a prebuilt unikernel may answer no more. optional: as nonce
            where it states one, else as answers.
        expected_*: what the identity has to state; None is not compared.
        search_p99_ms: search the highest rate that keeps this p99, from the plan's rate on; or None.
        ceiling_per_s: requests per second of which one generator process is capable, from a calibration.
        samples: file for every latency of the window as a number of its own, or None.
    """

    targets: list[Target]
    users: int
    plan: LoadPlan
    output: Path
    responses: Path
    parameters: Mapping[str, str] | None = option(
        "--parameters",
        "NAME=VALUE,...",
        "Parameters of the workload, which stand as {NAME} in the bodies of --responses.",
        assignments,
    )
    identity: str = option(
        "--identity",
        "KIND",
        "nonce: the target has to state its /identity. answers: it has none. Default: nonce if an "
        "--expect option is given, else checked where the target states one.",
        one_of("nonce", "answers"),
    )
    expected_nonce: str | None = option("--expect-nonce", "TEXT", "Nonce that /identity has to state.", text)
    expected_artifact: str | None = option(
        "--expect-artifact", "HASH", "Artifact that /identity has to state.", text
    )
    expected_threads: int | None = option(
        "--expect-threads", "COUNT", "Thread count that /identity has to state.", count
    )
    search_p99_ms: float | None = option(
        "--search-p99-ms", "MS", "Search the highest rate that keeps this p99, from --rate on.", above_zero
    )
    ceiling_per_s: float | None = option(
        "--ceiling", "PER_SECOND", "Capability of one process, from a calibration; 0 for none.", text
    )
    samples: str | None = option(
        "--raw-samples", "FILE", "Also write every latency of the window, as Parquet.", text
    )


_PLACES = (
    ("--responses", "FILE", "The workload's responses.json. Default: found beside the locustfile."),
    ("--output", "FOLDER", "Where load.json and latency.hlog are written. Default: a new folder."),
)


def add_options(parser: ArgumentParser) -> None:
    """Add the load's options to Locust's parser.

    All are text here: argparse would print Locust's whole usage over the one line that names the problem.
    """
    group = parser.add_argument_group("unilab's load (docs/load.md)")
    for flag, metavar, help_text in _PLACES:
        group.add_argument(flag, default=None, metavar=metavar, help=help_text)
    for field in (*dataclasses.fields(LoadPlan), *dataclasses.fields(LoadOptions)):
        meta = field.metadata
        if meta:
            group.add_argument(
                meta["flag"], default=meta["default"], metavar=meta["metavar"], help=meta["help"]
            )


def read_options(
    parsed: Namespace, *, host: str | None, users: int, run_time_s: float | None, locustfile: Path
) -> LoadOptions:
    """Return the run that is requested on Locust's command line or page. Raises InputError.

    ``host``, ``users`` and ``run_time_s`` are Locust's own options. Empty fields of the page count as absent.
    """
    if users < 1:
        raise InputError("--users", f"'{users}' is no number of users", "give --users 1 or more")
    found = targets_of(host)
    plan = _plan(parsed, run_time_s)
    own = _read_fields(parsed, LoadOptions)
    ceiling = own.pop("ceiling_per_s")
    if own["search_p99_ms"] is not None and plan.rate_per_s is None:
        raise InputError("--search-p99-ms", "a search starts from a rate", "give --rate")
    _check_samples(parsed, own["samples"], own["search_p99_ms"])
    expects = any(own[name] is not None for name in own if name.startswith("expected_"))
    return LoadOptions(
        targets=found,
        users=users,
        plan=plan,
        responses=Path(_given(parsed, "responses") or _find_responses(locustfile)),
        output=Path(_given(parsed, "output") or _new_folder(locustfile.stem)),
        ceiling_per_s=None if ceiling in (None, "0") else above_zero("--ceiling", ceiling),
        **own
        | {
            "identity": own["identity"] or ("nonce" if expects else "optional"),
            "parameters": own["parameters"] or {},
        },
    )


def targets_of(host: str | None) -> list[Target]:
    """Return every address of ``http://NAME:PORT``. Raises InputError."""
    remedy = "give it as http://ADDRESS:PORT"
    if not host:
        raise InputError("--host", "missing", remedy)
    try:
        url = urlsplit(host)
        name, port = url.hostname, 80 if url.port is None else url.port
    except ValueError as error:
        raise InputError("--host", f"'{host}' is no address: {error}", remedy) from None
    if url.scheme == "https":
        raise InputError("--host", f"'{host}' needs TLS, which this load does not make", remedy)
    beyond = url.path.strip("/") or url.query or url.fragment or url.username or url.password
    if url.scheme != "http" or not name or beyond or port == 0:
        raise InputError("--host", f"'{host}' is not a service's address", remedy)
    try:
        return targets(name, port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError("--host", f"'{name}' has no address: {reason}", remedy) from None


def make_folder(output: Path) -> None:
    """Make the folder of the results. Raises InputError."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "--output", f"cannot make '{output}': {error.strerror}", "name a folder that can be written"
        ) from None


def _plan(parsed: Namespace, run_time_s: float | None) -> LoadPlan:
    values = _read_fields(parsed, LoadPlan)
    if run_time_s is not None and values["duration_s"] is not None:
        raise InputError("--run-time", "--duration-s is the same", "give one of them")
    plan = LoadPlan(**values | {"duration_s": values["duration_s"] or run_time_s})
    if (plan.duration_s is None) == (plan.requests is None):
        raise InputError(
            "--duration-s",
            "a run ends by a time or by a count",
            "give one of --duration-s, --run-time and --requests",
        )
    if plan.rate_per_s is not None and plan.requests is not None:
        raise InputError("--rate", "an open loop ends by a time", "give --duration-s in place of --requests")
    return plan


def _read_fields(parsed: Namespace, kind: type[Any]) -> dict[str, Any]:
    """The values of the options among the fields of ``kind``; None for what is not given."""
    values = {}
    for field in dataclasses.fields(kind):
        if not field.metadata:
            continue
        flag = field.metadata["flag"]
        given = _given(parsed, flag.removeprefix("--").replace("-", "_")) or field.metadata["default"]
        values[field.name] = None if given is None else field.metadata["read"](flag, given)
    return values


def _given(parsed: Namespace, name: str) -> str | None:
    value = getattr(parsed, name, None)
    return None if value in (None, "") else str(value)


def _check_samples(parsed: Namespace, path: str | None, search_p99_ms: float | None) -> None:
    if path is None:
        return
    if search_p99_ms is not None:
        raise InputError("--raw-samples", "a search keeps none", "load once at the rate that it finds")
    if not Path(path).parent.is_dir():
        raise InputError("--raw-samples", f"no folder for '{path}'", "make it")
    if parsed.master or parsed.processes:
        raise InputError("--raw-samples", "one process writes them", "run without --master and --processes")
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(
            "--raw-samples", "pyarrow is not installed", "install it beside Locust: pip install pyarrow"
        )


def _find_responses(locustfile: Path) -> Path:
    """The responses of the workload whose locustfile is NAME.py: in the project, on a client, beside it."""
    folder, name = locustfile.parent, locustfile.stem
    places = [
        folder / "services" / name / "responses.json",
        folder.parent / "services" / name / "responses.json",
        folder.parent / "responses" / f"{name}.json",
        folder / "responses.json",
    ]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = ", ".join(str(place) for place in places)
        raise InputError(
            "--responses",
            f"found none for {name}, looked for {looked}",
            "name the file of right responses",
        )
    return found


def _new_folder(workload: str) -> Path:
    """A path below the working directory where nothing exists yet."""
    name = f"{workload}-{datetime.now():%Y%m%d-%H%M%S}"
    ends = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    folders = (Path("load-results") / f"{name}{end}" for end in ends)
    return next(folder for folder in folders if not folder.exists())
