"""The load's command lines: every option of a study's load, and where it goes, stands in one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.loads import Load
from contracts.workload import Value, Workload, parameters_text

# Removes the folder "$0" of an earlier load, and then runs "$@" in place of the shell.
_FRESH_FOLDER = 'rm -rf -- "$0" && exec "$@"'
# What a load may take beyond warm-up, window and timeouts before its processes are ended, in seconds.
_PATIENCE_S = 300.0
_LONGEST_COUNTED_LOAD_S = 3600.0
_WORKERS_MAX_WAIT_S = 60
# What a load leaves in its folder, beside the histograms: outcome and figures.
RESULT = "load.json"


@dataclass(frozen=True)
class LoadOption:
    """One key of a study's load, and the option of the load's command line that it becomes.

    Attributes:
        needs: another key, without which the option is not given.
    """

    key: str
    flag: str
    needs: str = ""


# A key that is null is not given; ``warm_up`` has become a number by then. A test compares these flags with
# those that locustfiles/unilab_load reads.
LOAD_OPTIONS = (
    LoadOption("users", "--users"),
    LoadOption("warm_up_s", "--warm-up-s"),
    LoadOption("timeout_s", "--timeout-s"),
    LoadOption("requests", "--requests"),
    LoadOption("duration_s", "--duration-s"),
    LoadOption("rate_per_s", "--rate"),
    LoadOption("arrivals", "--arrivals", needs="rate_per_s"),
    LoadOption("search_p99_ms", "--search-p99-ms"),
)


@dataclass(frozen=True)
class Clients:
    """The machines that make the load.

    Attributes:
        folder: of the load on each of them.
        processes: on all of them together; with more than one, a master leads workers.
    """

    folder: str
    processes: int


@dataclass(frozen=True)
class Expected:
    """What the instance has to state at /identity; ``by``: ``contracts.images.prebuilt.PrebuiltImage``."""

    by: str
    nonce: str
    artifact_sha256: str
    threads: int


@dataclass(frozen=True)
class Target:
    """What is loaded: where it answers, what it has to be, and the workload's parameters by name."""

    address: str
    port: int
    expected: Expected
    parameters: dict[str, Value]


@dataclass(frozen=True)
class Run:
    """One run of a load.

    Attributes:
        ceiling_per_s: what a calibration found one process to be capable of.
        seed: draws the arrivals of an open loop.
        output: the folder for its results.
    """

    ceiling_per_s: float
    seed: int
    output: str


def load_command(load: Load, workload: Workload, target: Target, clients: Clients, run: Run) -> list[str]:
    """The command that loads ``target`` and leaves its results in the folder ``run.output``, made afresh."""
    command = [
        *(f"{clients.folder}/run", "locust", "--locustfile", f"{clients.folder}/{workload.locustfile}"),
        *("--headless", "--only-summary"),
        *("--host", f"http://{target.address}:{target.port}"),
        *("--responses", f"{clients.folder}/{workload.staged_responses}"),
        *parameter_options(target.parameters),
        *("--ceiling", str(run.ceiling_per_s)),
        *("--output", run.output),
        *_identity_options(target.expected),
        *study_options(load),
    ]
    if load.rate_per_s is not None:
        command += ["--seed", str(run.seed)]
    if clients.processes > 1:
        command += ["--master", "--expect-workers", str(clients.processes)]
        command += ["--expect-workers-max-wait", str(_WORKERS_MAX_WAIT_S)]
    return ["sh", "-c", _FRESH_FOLDER, run.output, *command]


def worker_command(workload: Workload, clients: Clients, master: str) -> list[str]:
    """The command of processes on one client, ``--processes`` is to be added, that ``master`` leads."""
    return [
        *(f"{clients.folder}/run", "locust", f"--locustfile={clients.folder}/{workload.locustfile}"),
        *("--worker", f"--master-host={master}"),
    ]


def calibration_command(
    load: Load, workload: Workload, parameters: dict[str, Value], folder: str, output: str
) -> list[str]:
    """The command that measures what a client is capable of, against a target that costs nothing."""
    return [
        *(f"{folder}/run", "python", "-m", "unilab_load.calibrate", f"{folder}/{workload.locustfile}"),
        *("--users", str(load.users)),
        *("--responses", f"{folder}/{workload.staged_responses}"),
        *parameter_options(parameters),
        *("--output", output),
    ]


def study_options(load: Load) -> list[str]:
    """Options of the load's command line that ``load`` sets."""
    words: list[str] = []
    for option in LOAD_OPTIONS:
        value = getattr(load, option.key)
        if value is None or (option.needs and getattr(load, option.needs) is None):
            continue
        words += [option.flag, str(value)]
    return words


def parameter_options(parameters: dict[str, Value]) -> list[str]:
    """The option with the workload's parameters; none where it has none."""
    return ["--parameters", parameters_text(parameters).replace(" ", ",")] if parameters else []


def patience_s(load: Load) -> float:
    """How long the processes of a load may live, in seconds."""
    window_s = load.duration_s or _LONGEST_COUNTED_LOAD_S
    return window_s + (load.warm_up_s or 0) + 2 * load.timeout_s + _PATIENCE_S


def load_step(run: Mapping[str, Any], arrived: Sequence[str], directory: Path) -> dict[str, Any]:
    """What the load came to, as ``contracts.outcome`` takes it: ``produced`` and ``msg``.

    ``run`` is the result of its command; ``arrived`` are names of the files that this load left and that are
    in ``directory`` now.
    """
    errors = run.get("stderr_lines") or [run.get("msg") or "no message"]
    step: dict[str, Any] = {"produced": None, "msg": errors[-1]}
    if RESULT in arrived:
        try:
            step["produced"] = json.loads((directory / RESULT).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            step["msg"] = f"{RESULT} cannot be read: {error}"
    return step


def _identity_options(expected: Expected) -> list[str]:
    if expected.by != "nonce":
        return ["--identity", expected.by]
    return [
        *("--expect-nonce", expected.nonce),
        *("--expect-artifact", expected.artifact_sha256),
        *("--expect-threads", str(expected.threads)),
    ]
