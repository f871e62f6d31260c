"""The load's own command line options, read and checked before the first request."""

from __future__ import annotations

import importlib.util
import math
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


class OptionError(ValueError):
    """An option that a person can mend. The message is one line that names the option and the remedy."""

    def __init__(self, option: str, problem: str, remedy: str) -> None:
        super().__init__(f"{option}: {problem}. Remedy: {remedy}.")


@dataclass(frozen=True)
class LoadOptions:
    """One run as it was asked for.

    Attributes:
        address, port: where the target listens.
        users: N of the closed loop.
        duration_s: length of the measured window, or None where ``requests`` ends the run.
        requests: how many requests the users send in all, warm-up included, or None.
        timeout_s: how long an answer may take.
        max_s: when a run of ``requests`` is given up.
        rate_per_s: requests that fall due each second, in an open loop over ``users`` connections; None is
            a closed loop.
        arrivals, seed: how they fall due; the same seed gives the same schedule.
        search_p99_ms: search the highest rate that keeps this p99, from ``rate_per_s`` on; or None.
        ceiling_per_s: requests per second of which one generator process is capable, from a calibration.
        samples: file for every latency of the window as a number of its own, or None.
        array_length: stands for ``{n}`` in the reference, or None.
        tells_identity: whether the target answers GET /identity, and all of --responses; a prebuilt
            unikernel may answer no more than what is loaded.
        expected_*: what the target has to say of itself; None is not compared.
    """

    address: str
    port: int
    users: int
    warm_up_s: float
    duration_s: float | None
    requests: int | None
    timeout_s: float
    max_s: float
    responses: Path
    array_length: int | None
    tells_identity: bool
    expected_nonce: str | None
    expected_artifact: str | None
    expected_threads: int | None
    output: Path
    rate_per_s: float | None = None
    arrivals: str = "poisson"
    seed: int = 0
    search_p99_ms: float | None = None
    ceiling_per_s: float | None = None
    samples: str | None = None


def add_options(parser: ArgumentParser) -> None:
    """Add the load's options to Locust's parser.

    All are text here: argparse would print Locust's whole usage over the one line that says what is wrong.
    """
    group = parser.add_argument_group("unilab's load (docs/load.md)")
    for name, default, metavar, text in (
        ("--warm-up-s", "0", "SECONDS", "Load before the measured window, recorded but not counted."),
        ("--duration-s", None, "SECONDS", "Length of the measured window. Either this or --requests."),
        ("--requests", None, "COUNT", "Send exactly so many requests in all, warm-up included."),
        ("--max-s", "3600", "SECONDS", "Give up a run of --requests after this time."),
        ("--timeout-s", "30", "SECONDS", "How long an answer may take."),
        ("--responses", None, "FILE", "The workload's responses.json; its first entry is loaded."),
        ("--array-length", None, "COUNT", "Stands for {n} in the bodies of --responses; 0 for none."),
        ("--identity", "nonce", "KIND", "nonce: the target tells /identity; answers: only what is loaded."),
        ("--expect-nonce", None, "TEXT", "Nonce that the target's /identity has to state."),
        ("--expect-artifact", None, "HASH", "Artifact that the target's /identity has to state."),
        ("--expect-threads", None, "COUNT", "Thread count that the target's /identity has to state."),
        ("--output", None, "FOLDER", "Where load.json and latency.hlog are written."),
        ("--rate", None, "PER_SECOND", "Open loop: so many requests fall due each second."),
        ("--arrivals", "poisson", "KIND", "How they fall due: poisson or constant."),
        ("--seed", "0", "NUMBER", "The same number gives the same schedule."),
        ("--search-p99-ms", None, "MS", "Search the highest rate that keeps this p99, from --rate on."),
        ("--ceiling", None, "PER_SECOND", "What one process is capable of, from a calibration."),
        ("--raw-samples", None, "FILE", "Also write every latency of the window, as Parquet."),
    ):
        group.add_argument(name, default=default, metavar=metavar, help=text)


def read_options(parsed: Namespace) -> LoadOptions:
    """Return the run that Locust's parsed command line asks for. Raises OptionError."""
    _refuse_what_would_break_the_loop(parsed)
    address, port = _target(parsed.host)
    if (parsed.duration_s is None) == (parsed.requests is None):
        raise OptionError(
            "--duration-s", "a run ends by a time or by a count", "give either --duration-s or --requests"
        )
    rate_per_s = None if parsed.rate is None else _rate("--rate", parsed.rate)
    if rate_per_s is not None and parsed.requests is not None:
        raise OptionError("--rate", "an open loop ends by a time", "give --duration-s in place of --requests")
    if parsed.search_p99_ms is not None and rate_per_s is None:
        raise OptionError("--search-p99-ms", "a search starts from a rate", "give --rate")
    if parsed.arrivals not in ("poisson", "constant"):
        raise OptionError("--arrivals", f"'{parsed.arrivals}' is unknown", "give poisson or constant")
    if parsed.identity not in ("nonce", "answers"):
        raise OptionError("--identity", f"'{parsed.identity}' is unknown", "give nonce or answers")
    return LoadOptions(
        address=address,
        port=port,
        users=parsed.num_users,
        warm_up_s=_seconds("--warm-up-s", parsed.warm_up_s, zero_allowed=True),
        duration_s=None if parsed.duration_s is None else _seconds("--duration-s", parsed.duration_s),
        requests=_count("--requests", parsed.requests),
        timeout_s=_seconds("--timeout-s", parsed.timeout_s),
        max_s=_seconds("--max-s", parsed.max_s),
        responses=Path(_required("--responses", parsed.responses, "name the workload's responses.json")),
        array_length=_count("--array-length", None if parsed.array_length == "0" else parsed.array_length),
        tells_identity=parsed.identity == "nonce",
        expected_nonce=parsed.expect_nonce,
        expected_artifact=parsed.expect_artifact,
        expected_threads=_count("--expect-threads", parsed.expect_threads),
        output=_output(_required("--output", parsed.output, "name a folder for load.json")),
        rate_per_s=rate_per_s,
        arrivals=parsed.arrivals,
        seed=_count("--seed", parsed.seed, least=0) or 0,
        search_p99_ms=None
        if parsed.search_p99_ms is None
        else _rate("--search-p99-ms", parsed.search_p99_ms),
        ceiling_per_s=None if parsed.ceiling in (None, "0") else _rate("--ceiling", parsed.ceiling),
        samples=_samples(parsed),
    )


def _refuse_what_would_break_the_loop(parsed: Namespace) -> None:
    if parsed.run_time is not None:
        raise OptionError("--run-time", "it would cut the window short", "use --duration-s instead")
    if parsed.num_users is None or parsed.num_users < 1:
        raise OptionError("--users", "a load needs its number of users", "give --users 1 or more")


def _samples(parsed: Namespace) -> str | None:
    if parsed.raw_samples is None:
        return None
    if parsed.search_p99_ms is not None:
        raise OptionError("--raw-samples", "a search keeps none", "load once at the rate that it finds")
    if not Path(parsed.raw_samples).parent.is_dir():
        raise OptionError("--raw-samples", f"no folder for '{parsed.raw_samples}'", "make it")
    if parsed.master or parsed.processes:
        raise OptionError(
            "--raw-samples", "they are kept by one process", "run without --master and --processes"
        )
    if importlib.util.find_spec("pyarrow") is None:
        raise OptionError(
            "--raw-samples", "pyarrow is not installed", "install it beside Locust: pip install pyarrow"
        )
    return str(parsed.raw_samples)


def _target(host: str | None) -> tuple[str, int]:
    remedy = "give it as http://ADDRESS:PORT"
    try:
        url = urlsplit(_required("--host", host, remedy))
        port = url.port
    except ValueError as error:
        if isinstance(error, OptionError):
            raise
        raise OptionError("--host", f"'{host}' is no address: {error}", remedy) from None
    if url.scheme != "http" or not url.hostname or url.path.strip("/") or url.query:
        raise OptionError("--host", f"'{host}' is not a service's address", remedy)
    return url.hostname, port or 80


def _required(option: str, value: str | None, remedy: str) -> str:
    if not value:
        raise OptionError(option, "missing", remedy)
    return value


def _seconds(option: str, text: str, zero_allowed: bool = False) -> float:
    least = "0 or more" if zero_allowed else "more than 0"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero_allowed):
        raise OptionError(option, f"'{text}' is no number of seconds", f"give {least}, such as 2.5")
    return value


def _rate(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise OptionError(option, f"'{text}' is no number above 0", "give one, such as 250")
    return value


def _count(option: str, text: str | None, least: int = 1) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise OptionError(option, f"'{text}' is no count", f"give a whole number, {least} or more")
    return int(text)


def _output(name: str) -> Path:
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(
            "--output", f"cannot make '{name}': {error.strerror}", "name a folder that can be written"
        ) from None
    return folder
