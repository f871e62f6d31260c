"""Synthetic campaigns for tests: folders as the laboratory writes them, with figures known in advance.

The throughput of a boot is ``SERVICE_RATE * ARM_FACTOR`` with some variation between boots, so that the
ratio between two arms is the quotient of their factors. Everything follows from the study's seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from contracts.arms import arm_named
from contracts.campaign import Campaign, NotRun
from contracts.control import arm_booted
from contracts.plan import PlannedTrial, plan_trials
from contracts.store.files import write_atomically
from contracts.study import Study
from contracts.trial import TrialRecord
from contracts.workload import split_service

SERVICE_RATE = {
    "todos-go": 640.0,
    "todos-go.static": 590.0,
    "todos-go.shared": 640.0,
    "todos-java": 410.0,
    "todos-python": 85.0,
    "bubble_sort-go": 31.0,
    "bubble_sort-java": 22.0,
    "bubble_sort-python": 1.2,
}
ARM_FACTOR = {"docker": 1.0, "linux-qemu": 1.45, "osv-qemu": 1.9}
# By runtime.
_BOOT_S = {"docker": 2.6, "linux": 3.4, "osv": 1.1}
_IMAGE_MIB = {"go": 7.0, "java": 62.0, "python": 48.0}
_IMAGE_EXTRA_MIB = {"docker": 0.0, "linux": 14.0, "osv": 9.0}
_MEMORY_KIND = {"docker": "docker_stats", "linux": "guest_touched", "osv": "guest_touched"}
_SPREAD_OF_ANSWERS = 0.35

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
NO_LOADER = NotRun(
    arm="osv-qemu",
    why="no OSv loader was found and none could be downloaded",
    remedy="set osv_loader to the path of OSv's loader.elf",
)

Edit = Callable[[TrialRecord], TrialRecord]
Speed = Callable[[int], float]


def make_study(**changes: object) -> Study:
    """A small study of three arms; keyword arguments replace its keys."""
    content: dict[str, object] = {
        "name": "synthetic",
        "title": "Go and Python in three runtimes, synthetic",
        "seed": 20260105,
        "boots": 3,
        "services": ["todos-go", "todos-python", "bubble_sort-go"],
        "arms": ["docker", "linux-qemu", "osv-qemu"],
        "caps": [{"memory_mib": 256}],
        "parameters": {"bubble_sort": {"array_length": 2000}},
        "load": {
            "todos": {"users": 40, "warm_up_s": 3, "duration_s": 10},
            "bubble_sort": {"users": 4, "warm_up_s": 3, "duration_s": 10},
        },
    }
    return Study.model_validate(content | changes)


def warming_up(second: int) -> float:
    """The first seconds are slow, as after a boot."""
    return 1 - 0.6 * 0.4**second


def ended(record: TrialRecord, state: str, why: str) -> TrialRecord:
    """The same trial, ended before it had a load result."""
    content = record.model_dump() | {"load": None, "footprints": [], "end": {"state": state, "why": why}}
    return TrialRecord.model_validate(content)


def write_campaign(
    directory: Path,
    study: Study,
    *,
    not_run: tuple[NotRun, ...] = (),
    finished: int | None = None,
    between_boots: float = 0.02,
    arm_factor: Mapping[str, float] = ARM_FACTOR,
    edit: Edit = lambda record: record,
    speed: Speed = warming_up,
    trials: Sequence[PlannedTrial] | None = None,
) -> Campaign:
    """Write a campaign named after ``directory``.

    Args:
        directory: made when it is not there.
        study: what was planned.
        not_run: arms that could not run; their trials get no record.
        finished: how many of the runnable trials have a record; all by default.
        between_boots: standard deviation of the logarithm of a boot's throughput.
        arm_factor: throughput of each arm relative to the first; a control has that of its arm, unless named.
        edit: last change to each record before it is written.
        trials: boots that get a record in place of the campaign's, such as its pilots.
        speed: throughput of a second of the load relative to the boot's, by its number from 0.
    """
    campaign = Campaign(
        name=directory.name,
        created_at=START,
        study=study,
        study_sha256=study.sha256,
        trials=plan_trials(study),
        not_run=list(not_run),
    )
    write_atomically(directory / "campaign.json", campaign.model_dump_json())
    generator = random.Random(study.seed)
    for trial in campaign.runnable[:finished] if trials is None else trials:
        booted = arm_booted(trial.cell.arm)
        rate = SERVICE_RATE[trial.cell.service] * arm_factor.get(trial.cell.arm, arm_factor[booted])
        rate *= generator.lognormvariate(0, between_boots)
        record = edit(_record(campaign, trial, rate, generator))
        folder = directory / "trials" / trial.directory
        write_atomically(folder / "trial.json", record.model_dump_json())
        if record.load:
            seconds = range(round(record.load.warm_up_s + record.load.window_s))
            answers = [(rate * speed(second), record.load.users / rate / speed(second)) for second in seconds]
            _write_log(folder / record.load.histogram, answers, generator)
    return campaign


def _record(campaign: Campaign, trial: PlannedTrial, rate: float, generator: random.Random) -> TrialRecord:
    cell, study = trial.cell, campaign.study
    arm, runtime = arm_booted(cell.arm), arm_named(cell.arm).runtime
    workload, language = split_service(cell.service)
    load = study.load[workload]
    mib = 1024**2
    began = START + timedelta(minutes=int(trial.id.lstrip("P")))
    mean_ms = load.users / rate * 1000
    image_mib = _IMAGE_MIB[language] + _IMAGE_EXTRA_MIB[runtime]
    memory_mib = _IMAGE_MIB[language] * (0.6 if arm == "docker" else 1.4)
    idle_mib = memory_mib * generator.lognormvariate(0, 0.01)
    return TrialRecord.model_validate(
        {
            "campaign": campaign.name,
            "study": {"name": study.name, "sha256": campaign.study_sha256, "seed": study.seed},
            "id": trial.id,
            "block": trial.block,
            "position": trial.position,
            "cell": cell.model_dump(),
            "started_at": began,
            "ended_at": began + timedelta(seconds=40),
            "instance": {
                "artifact_sha256": f"{len(cell.service):064x}",
                "image_sha256": f"{int(trial.id.lstrip('P')):064x}",
                "image_bytes": round(image_mib * mib),
                "kernel": "osv v0.57.0" if arm == "osv-qemu" else "6.1.0-18-amd64",
                "accelerator": "tcg",
                "vcpus": 2 if arm == "docker" else cell.threads,
                "command_line": "/app/server",
                "host": "docker-host" if arm == "docker" else "qemu-host",
                "address": "10.77.0.3",
                "port": 8080,
            },
            "caps": {
                "wanted_cpus": cell.cpus,
                "wanted_memory_bytes": cell.memory_mib * mib,
                "read_back": [
                    {
                        "resource": "cpu",
                        "kind": "quota" if arm == "docker" else "vcpus",
                        "source": "cpu.max" if arm == "docker" else "query-cpus-fast",
                        "value": cell.cpus,
                        "unit": "cpus",
                    },
                    {
                        "resource": "memory",
                        "kind": "limit" if arm == "docker" else "allocation",
                        "source": "memory.max" if arm == "docker" else "query-memory-size-summary",
                        "value": float(cell.memory_mib * mib),
                        "unit": "bytes",
                    },
                ],
            },
            "identity": {
                "nonce_wanted": "n",
                "nonce_seen": "n",
                "artifact_seen": f"{len(cell.service):064x}",
                "threads_seen": cell.threads,
            },
            "boot": {
                "first_answer_ms": _BOOT_S[runtime] * 1000 * generator.lognormvariate(0, 0.05),
                "measured_on": "qemu-host",
                "polls": 12,
            },
            "load": {
                "users": load.users,
                "warm_up_s": load.warm_up_s or 0,
                "window_s": load.duration_s,
                "started_at": began + timedelta(seconds=10),
                "requests": round(rate * (load.duration_s or 0)),
                "throughput_per_s": rate,
                "mean_response_ms": mean_ms,
                "percentiles_ms": {
                    "p50": mean_ms * 0.94,
                    "p90": mean_ms * 1.47,
                    "p99": mean_ms * 2.1,
                    "p99.9": mean_ms * 2.8,
                    "max": mean_ms * 4,
                },
                "little_residual": 0.004,
                "errors": {"timeout": 0},
                "responses_checked": 100,
                "generator": {"tool": "locust", "cpu_percent": 23.5, "cpu_s": 2.4, "processes": 1},
                "verdict": "valid",
            },
            "footprints": [
                {
                    "kind": _MEMORY_KIND[runtime],
                    "source": "the host's own files",
                    "bytes": round(amount * mib),
                    "when": when,
                }
                for when, amount in (("idle", idle_mib), ("loaded", idle_mib * 1.3))
            ],
            "end": {"state": "completed"},
            "provenance": {
                "qemu-host": {"cpu": "synthetic, 2 cores", "versions": {"qemu": "7.2.9"}},
                "docker-host": {"cpu": "synthetic, 2 cores", "versions": {"docker": "20.10.24"}},
            },
        }
    )


def _write_log(path: Path, seconds: Sequence[tuple[float, float]], generator: random.Random) -> None:
    """One interval per second: answers per second and mean response time in s of each."""
    answers_due = 0.0
    with path.open("w", encoding="utf-8") as stream:
        writer = HistogramLogWriter(stream)
        writer.output_log_format_version()
        writer.output_legend()
        for second, (rate, mean_s) in enumerate(seconds):
            answers_due += rate * generator.gauss(1, 0.01)
            answers = round(answers_due)
            answers_due -= answers
            histogram = HdrHistogram(1, 3_600_000_000, 3)
            for rank in range(answers):
                normal = NormalDist().inv_cdf((rank + generator.random()) / max(answers, 1) or 0.5)
                histogram.record_value(round(mean_s * 1e6 * _lognormal(normal)))
            writer.output_interval_histogram(histogram, float(second), second + 1.0)


def _lognormal(normal: float) -> float:
    """A lognormal value of mean 1 from a standard normal one."""
    from math import exp

    return exp(_SPREAD_OF_ANSWERS * normal - _SPREAD_OF_ANSWERS**2 / 2)
