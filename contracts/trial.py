"""The record of a trial, ``trial.json``: what the laboratory writes and the analysis reads."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.study import Cell

SCHEMA_VERSION = 1

End = Literal["completed", "crashed", "hung", "invalid", "failed"]
Accelerator = Literal["kvm", "tcg", "xen", "none"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StudyReference(_Part):
    """Which study the trial belongs to; sha256 is that of its meaning."""

    name: str
    sha256: str
    seed: int


class Instance(_Part):
    """What was booted.

    Attributes:
        artifact_sha256: hash of the staged tree, the same in every runtime.
        image_sha256: hash of what the platform was given: an image archive or a disk.
        image_bytes: its size as stored, uncompressed.
        kernel: release and, where the instance brings its own, the file's sha256.
        accelerator: of the virtual CPU that ran the code; "none" on bare metal.
        vcpus: CPUs that the instance's kernel can see.
        command_line: what the runtime was told to run.
    """

    artifact_sha256: str
    image_sha256: str
    image_bytes: int
    kernel: str
    accelerator: Accelerator
    vcpus: int
    command_line: str
    host: str
    address: str
    port: int


class CapReading(_Part):
    """One limit as the system itself states it: ``source`` is the file or query it came from."""

    resource: Literal["cpu", "memory"]
    kind: str = Field(description="quota, cpuset, vcpus, limit, allocation ...")
    source: str
    value: float | str
    unit: str


class Caps(_Part):
    """The limits that the cell asks for, and those that were found to hold."""

    wanted_cpus: float
    wanted_memory_bytes: int
    read_back: list[CapReading] = []


class Identity(_Part):
    """What the instance said of itself, beside what it had to say."""

    nonce_wanted: str
    nonce_seen: str
    artifact_seen: str
    threads_seen: int


class Boot(_Part):
    """first_answer_ms: from the start command to the first right answer, on the host's own clock."""

    first_answer_ms: float
    measured_on: str
    polls: int


class Generator(_Part):
    """The load generator's own cost. cpu_percent: of one core, for its busiest process."""

    tool: str
    cpu_percent: float
    cpu_s: float
    processes: int


class LoadResult(_Part):
    """The measured window only; the warm-up before it is in the histograms, not in these figures.

    Attributes:
        throughput_per_s: X, completed right answers per second of the window.
        mean_response_ms: R, over those answers.
        little_residual: X*R/N - 1 for the closed loop's N = users.
        errors: count by kind (timeout, refused, reset, status, body ...).
        histogram: file beside the record, HdrHistogram log format V2, unit microseconds, one
            interval per second; the interval's StartTimestamp is seconds since ``started_at``.
    """

    users: int
    warm_up_s: float
    window_s: float
    started_at: AwareDatetime
    requests: int
    throughput_per_s: float
    mean_response_ms: float
    percentiles_ms: dict[str, float] = Field(description="keys p50 p90 p99 p99.9 max")
    little_residual: float
    errors: dict[str, int]
    responses_checked: int
    generator: Generator
    verdict: str = Field(description="'valid' or why the generator spoils the trial")
    histogram: str = "latency.hlog"


class Footprint(_Part):
    """Memory of one instance. Kinds are never compared with one another silently."""

    kind: str
    source: str
    bytes: int
    when: Literal["idle", "loaded"]


class Ended(_Part):
    """How the trial ended, and why where it did not complete."""

    state: End
    why: str = ""


class TrialRecord(_Part):
    """Everything known of one trial. Parts that were not reached are null, never invented."""

    schema_version: Literal[1] = 1
    campaign: str
    study: StudyReference
    id: str
    block: int
    position: int
    cell: Cell
    started_at: AwareDatetime
    ended_at: AwareDatetime
    instance: Instance | None = None
    caps: Caps | None = None
    identity: Identity | None = None
    boot: Boot | None = None
    load: LoadResult | None = None
    footprints: list[Footprint] = []
    end: Ended
    provenance: dict[str, Any] = Field(
        description="host name -> facts (cpu, microcode, governor, kernel, hypervisor, versions)"
    )
