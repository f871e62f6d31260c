"""Tidy tables of a campaign: one row per trial, per second, per memory reading; units in the column names.

Nothing is judged here and nothing skipped: ``analysis.checks`` adds which trials count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from analysis.records import hdr
from analysis.records.cells import CellKey
from analysis.records.emulation import is_emulated
from analysis.records.latency import TrialLatency, answers_per_second, percentiles, window_rates
from analysis.records.metrics import memory_column
from analysis.records.results import Results
from analysis.records.work import WORK_SCHEMA, work_columns
from contracts.arms import arm_named
from contracts.loads import Load
from contracts.trial import LoadResult, TrialRecord
from contracts.workload import split_service

# What makes two trials boots of one cell.
CELL_KEYS = ("service", "arm", "threads", "cpus", "memory_mib", "parameters")

# Facts of a host that change by themselves, and do not belong to its software.
_VOLATILE_FACTS = frozenset({"cpu_mhz", "memory_bytes", "memory_in_use_bytes"})
# Machines that are processes of another: their /proc/meminfo is that one's, and all that runs on it.
_SHARE_A_KERNEL = frozenset({"systemd-nspawn", "lxc", "lxc-libvirt", "docker", "podman", "openvz"})

_WINDOWS_AT_ONCE = 64

_TEXT, _WHOLE, _REAL, _TIME = pl.String, pl.Int64, pl.Float64, pl.Datetime("us", "UTC")
TRIAL_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source": _TEXT,
    "trial_id": _TEXT,
    "block": _WHOLE,
    "position": _WHOLE,
    "service": _TEXT,
    "workload": _TEXT,
    "language": _TEXT,
    "arm": _TEXT,
    "runtime": _TEXT,
    "platform": _TEXT,
    "threads": _WHOLE,
    "cpus": _REAL,
    "memory_mib": _WHOLE,
    "parameters": _TEXT,
    "end": _TEXT,
    "end_why": _TEXT,
    "started_at": _TIME,
    "ended_at": _TIME,
    "accelerator": _TEXT,
    "processor": _TEXT,
    "emulated": pl.Boolean,
    "vcpus": _WHOLE,
    "instance_cpus": _WHOLE,
    "one_server": pl.Boolean,
    "host": _TEXT,
    "kernel": _TEXT,
    "software": _TEXT,
    "host_in_use_bytes": _WHOLE,
    "artifact_sha256": _TEXT,
    "image_sha256": _TEXT,
    "image_bytes": _WHOLE,
    "wanted_memory_bytes": _WHOLE,
    "wanted_cpus": _REAL,
    "read_memory_bytes": _REAL,
    "read_cpus": _REAL,
    "identity": _TEXT,
    "threads_seen": _WHOLE,
    "first_answer_ms": _REAL,
    "loop": _TEXT,
    "load_ends_by": _TEXT,
    "users": _WHOLE,
    "rate_per_s": _REAL,
    "search": pl.Boolean,
    "warm_up_s": _REAL,
    "window_s": _REAL,
    "requests": _WHOLE,
    "throughput_per_s": _REAL,
    "mean_response_ms": _REAL,
    "p50_response_ms": _REAL,
    "p90_response_ms": _REAL,
    "p98_response_ms": _REAL,
    "p99_response_ms": _REAL,
    "p99.9_response_ms": _REAL,
    "max_response_ms": _REAL,
    "little_residual": _REAL,
    "errors": _WHOLE,
    "unsent": _WHOLE,
    "own_lateness_p99_ms": _REAL,
    "generator_cpu_percent": _REAL,
    "generator_ceiling_per_s": _REAL,
    "verdict": _TEXT,
    **WORK_SCHEMA,
}
PERCENTILE_NAMES = ("p50", "p90", "p99", "p99.9", "max")


def trials_table(results: Results) -> pl.DataFrame:
    """One row per recorded trial in running order; parts that a trial did not reach are null.

    Beside TRIAL_SCHEMA's columns there is one ``errors_KIND`` per kind of error, and one
    ``memory_KIND_WHEN_bytes`` per kind and moment of a memory reading, the mean of its readings.
    """
    loads = results.campaign.study.load
    kinds = sorted({(row.kind, row.when) for record in results.records for row in record.footprints})
    errors = sorted({kind for record in results.records if record.load for kind in record.load.errors})
    schema = TRIAL_SCHEMA | {memory_column(kind, when): _REAL for kind, when in kinds}
    schema |= {f"errors_{kind}": _WHOLE for kind in errors}
    p98 = _p98(results.latencies)
    rows = [
        _trial(record, loads) | work_columns(record, _answers(results, record)) | p98.get(record.id, {})
        for record in results.records
    ]
    columns = {name: [row.get(name) for row in rows] for name in schema}
    return pl.DataFrame(columns, schema=schema)


def _answers(results: Results, record: TrialRecord) -> list[float]:
    """Answers per second of each second of the window, where the counts of a container's host need them."""
    if not record.work or not record.work.by_second or not record.load or record.id not in results.latencies:
        return []
    return window_rates(results.latencies[record.id], record.load.window_s)


def seconds_table(latencies: Mapping[str, TrialLatency]) -> pl.DataFrame:
    """Answers per second in each second of each trial; ``time_s`` is its middle, from the load's start."""
    ids: list[str] = []
    times: list[float] = []
    rates: list[float] = []
    inside: list[bool] = []
    for trial_id, latency in latencies.items():
        times_s, found = answers_per_second(latency)
        ids += [trial_id] * len(times_s)
        times += times_s
        rates += found
        inside += [time_s >= latency.warm_up_s for time_s in times_s]
    columns = {"trial_id": ids, "time_s": times, "answers_per_s": rates, "after_warm_up": inside}
    return pl.DataFrame(columns, schema=dict(zip(columns, (_TEXT, _REAL, _REAL, pl.Boolean), strict=True)))


def footprints_table(results: Results) -> pl.DataFrame:
    """One row per memory reading."""
    rows = [
        (record.id, row.kind, row.when, row.bytes, row.source)
        for record in results.records
        for row in record.footprints
    ]
    schema = {"trial_id": _TEXT, "kind": _TEXT, "when": _TEXT, "memory_bytes": _WHOLE, "read_from": _TEXT}
    return pl.DataFrame(rows, schema=schema, orient="row")


def percentiles_table(latencies: Mapping[str, TrialLatency]) -> pl.DataFrame:
    """Percentiles of each trial's measured window, from its histograms; null where answers are too few."""
    rows = [
        (trial_id, row.name, row.value_ms, row.needed)
        for trial_id, latency in latencies.items()
        for row in percentiles(latency.window)
    ]
    schema = {
        "trial_id": _TEXT,
        "percentile": _TEXT,
        "response_ms": _REAL,
        "answers_needed": _WHOLE,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def host_facts(content: object, prefix: str = "") -> list[tuple[str, str]]:
    """Provenance of a host as (fact, value), nested names joined by dots."""
    if isinstance(content, dict):
        return [
            pair
            for key, value in content.items()
            for pair in host_facts(value, f"{prefix}.{key}".lstrip("."))
        ]
    return [(prefix or "value", str(content))]


def _trial(record: TrialRecord, loads: Mapping[str, Load]) -> dict[str, Any]:
    cell, arm = record.cell, arm_named(record.cell.arm)
    workload, language = split_service(cell.service)
    key = CellKey.of(cell)
    row = {
        "source": record.campaign,
        "trial_id": record.id,
        "block": record.block,
        "position": record.position,
        **{name: getattr(key, name) for name in CELL_KEYS},
        "workload": workload,
        "language": language,
        "runtime": arm.runtime,
        "platform": arm.platform,
        "end": record.end.state,
        "end_why": record.end.why,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "first_answer_ms": record.boot.first_answer_ms if record.boot else None,
        "load_ends_by": "requests" if loads[workload].requests else "duration",
    }
    row |= _instance(record) | _caps(record) | _identity(record)
    if record.load:
        row |= _load(record.load)
    return row | _memory(record)


def _p98(latencies: Mapping[str, TrialLatency]) -> dict[str, dict[str, float]]:
    """The study's "maximum": it dropped what lay above the 98th percentile. No record states it."""
    known = {trial_id: row.window for trial_id, row in latencies.items() if len(row.window.counts)}
    windows = list(known.values())
    # Some at a time: arrays that fit the cache.
    found = [
        value
        for start in range(0, len(windows), _WINDOWS_AT_ONCE)
        for value in hdr.quantile_of_each(windows[start : start + _WINDOWS_AT_ONCE], 0.98)
    ]
    return {trial_id: {"p98_response_ms": value / 1000} for trial_id, value in zip(known, found, strict=True)}


def _instance(record: TrialRecord) -> dict[str, Any]:
    if record.instance is None:
        return {}
    names = ("accelerator", "vcpus", "host", "kernel", "artifact_sha256", "image_sha256", "image_bytes")
    facts = host_facts(record.provenance.get(record.instance.host, {}))
    stable = {key: value for key, value in facts if key not in _VOLATILE_FACTS}
    return {name: getattr(record.instance, name) for name in names} | {
        "processor": record.instance.processor,
        "emulated": is_emulated(record),
        "instance_cpus": record.instance.vcpus if record.instance.cpus is None else record.instance.cpus,
        "one_server": record.instance.is_on_one_server,
        "software": json.dumps(stable),
        "host_in_use_bytes": _host_in_use_bytes(record.provenance.get(record.instance.host)),
    }


def _host_in_use_bytes(facts: object) -> int | None:
    """Memory that the host itself took before the first instance; None where its record does not state it."""
    if not isinstance(facts, dict) or facts.get("virtualization") in _SHARE_A_KERNEL:
        return None
    found = facts.get("memory_in_use_bytes")
    return found if isinstance(found, int) else None


def _caps(record: TrialRecord) -> dict[str, Any]:
    """The limits read back, nearest to the wanted ones where there are several of a kind."""
    if record.caps is None:
        return {}
    wanted = {"cpu": record.caps.wanted_cpus, "memory": float(record.caps.wanted_memory_bytes)}
    units = {"cpu": "cpus", "memory": "bytes"}
    read: dict[str, float | None] = {}
    for resource, unit in units.items():
        values = [
            row.value
            for row in record.caps.read_back
            if (row.resource, row.unit) == (resource, unit) and not isinstance(row.value, str)
        ]
        read[resource] = _nearest(values, wanted[resource])
    return {
        "wanted_cpus": record.caps.wanted_cpus,
        "wanted_memory_bytes": record.caps.wanted_memory_bytes,
        "read_cpus": read["cpu"],
        "read_memory_bytes": read["memory"],
    }


def _nearest(values: Iterable[float], wanted: float) -> float | None:
    return min(values, key=lambda value: abs(value - wanted), default=None)


def _identity(record: TrialRecord) -> dict[str, Any]:
    """``identity``: "proven", or what the instance reported wrongly."""
    seen = record.identity
    if seen is None and record.boot and record.instance and record.instance.identified_by == "answers":
        return {"identity": "proven"}
    if seen is None:
        return {}
    stated = "proven"
    if seen.nonce_seen != seen.nonce_wanted:
        stated = "another instance answered: its nonce is not this trial's"
    elif record.instance and seen.artifact_seen != record.instance.artifact_sha256:
        stated = "another artifact answered than was staged"
    elif seen.threads_seen != record.cell.threads:
        stated = f"the instance runs {seen.threads_seen} threads, not {record.cell.threads}"
    return {"identity": stated, "threads_seen": seen.threads_seen}


def _load(load: LoadResult) -> dict[str, Any]:
    names = ("loop", "users", "rate_per_s", "warm_up_s", "window_s", "requests", "throughput_per_s")
    row = {name: getattr(load, name) for name in (*names, "mean_response_ms", "unsent", "verdict")}
    row |= {f"{name}_response_ms": load.percentiles_ms.get(name) for name in PERCENTILE_NAMES}
    row |= {f"errors_{kind}": amount for kind, amount in load.errors.items()}
    return row | {
        "little_residual": load.little_residual,
        "errors": sum(load.errors.values()),
        "search": bool(load.search),
        "own_lateness_p99_ms": load.own_lateness_ms.get("p99"),
        "generator_cpu_percent": load.generator.cpu_percent,
        "generator_ceiling_per_s": load.generator.ceiling_per_s,
    }


def _memory(record: TrialRecord) -> dict[str, float]:
    readings: dict[str, list[int]] = {}
    for row in record.footprints:
        readings.setdefault(memory_column(row.kind, row.when), []).append(row.bytes)
    return {name: sum(values) / len(values) for name, values in readings.items()}
