"""The record of a trial, ``trial.json``: what the laboratory writes and the analysis reads."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.cell import Cell
from contracts.work.counted import Work

SCHEMA_VERSION = 3

End = Literal["completed", "crashed", "hung", "invalid", "failed"]
Accelerator = Literal["kvm", "tcg", "xen", "none"]


# A number that no measurement gives is a damaged record: negative, not finite, or beyond 64 bits.
Count = Annotated[int, Field(ge=0, lt=2**63)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class StudyReference(_Part):
    """Which study the trial belongs to; sha256 is that of its meaning."""

    name: str
    sha256: str
    seed: Count


class Instance(_Part):
    """What was booted.

    Attributes:
        artifact_sha256: hash of the staged tree, the same in every runtime.
        image_sha256: hash of what the platform was given: an image archive or a disk.
        image_bytes: its size as stored, uncompressed.
        kernel: release and, where the instance has its own, the file's sha256.
        accelerator: of the instance's own virtual CPU; "none" where it runs on the kernel of its host. For a
            container, records before version 3 have that of the host.
        vcpus: CPUs that the instance's kernel can see.
        host_processor: what the host's own processor is: none for a real machine, tcg for an emulated one,
            kvm or xen for a virtual one. None in records before version 3.
        host_groups: the groups of platforms that the inventory has this host in. With several it is one
            server, as the study's was, and its arms are compared with each other alone.
        cpus: CPUs of the host that the instance may run on; None in records before version 3.
        cpu_list: those CPUs, "" where it is bound to none.
        host_cpu_list: the host's other CPUs, for the rest of the hypervisor's process; "" where not bound.
        network_path: how packets reach it: published port, the host's network, vhost-net, virtio in QEMU.
        command_line: what the runtime was given to run.
        identified_by: nonce, where it had to report the nonce of this trial at /identity; answers, where a
            prebuilt unikernel was known only by the workload's right answers at a silent address.
        resident_on: uuid, name and address of the pool's member that ran a XenServer's guest; null elsewhere.
    """

    artifact_sha256: str
    image_sha256: str
    image_bytes: Count
    kernel: str
    accelerator: Accelerator
    vcpus: Count
    host_processor: Accelerator | None = None
    host_groups: list[str] = []
    cpus: Count | None = None
    cpu_list: str = ""
    host_cpu_list: str = ""
    network_path: str = ""
    command_line: str
    host: str
    address: str
    port: Count
    identified_by: Literal["nonce", "answers"] = "nonce"
    resident_on: dict[str, str] | None = None

    @property
    def is_emulated(self) -> bool:
        """Whether the code ran on an emulated processor, its own or its host's."""
        return "tcg" in (self.accelerator, self.host_processor)

    @property
    def is_on_one_server(self) -> bool:
        """Whether it ran on the processor of a host of several platforms, through a hypervisor or not."""
        return len(self.host_groups) > 1 and self.accelerator != "tcg"

    @property
    def executed_by(self) -> Accelerator:
        """What ran the virtual CPU: the instance's own, or that of a host that is not one server."""
        if self.is_on_one_server or self.accelerator != "none":
            return self.accelerator
        return self.host_processor or "none"

    @property
    def processor(self) -> str:
        """What executed the code. Two arms are comparable in this respect where the text is the same.

        Arms of one server share its processor, whether a hypervisor is between or not. Elsewhere it is the
        accelerator of the virtual CPU: a container's is that of its host.
        """
        below = self.host_processor or "none"
        if self.is_on_one_server:
            return f"{self.host} ({'real machine' if below == 'none' else below})"
        is_nested = below == "tcg" and self.accelerator not in ("none", "tcg")
        return f"{self.accelerator} on tcg" if is_nested else self.executed_by


class CapReading(_Part):
    """One limit as the system itself states it: ``source`` is the file or query it came from."""

    resource: Literal["cpu", "memory"]
    kind: str = Field(description="quota, cpuset, vcpus, limit, allocation ...")
    source: str
    value: Amount | str
    unit: str


class Caps(_Part):
    """The limits that the cell asks for, and those that were found to hold."""

    wanted_cpus: Amount
    wanted_memory_bytes: Count
    read_back: list[CapReading] = []


class Identity(_Part):
    """What the instance said of itself, beside what it had to say."""

    nonce_wanted: str
    nonce_seen: str
    artifact_seen: str
    threads_seen: Count


class Boot(_Part):
    """A boot, seen from outside.

    Attributes:
        first_answer_ms: from the start command to the first right answer, on the clock of ``measured_on``.
        phases_ms: how long each phase took by OSv's own boot chart; empty where it printed none.
    """

    first_answer_ms: Amount
    measured_on: str
    polls: Count
    phases_ms: dict[str, Amount] = {}


class GeneratorProcess(_Part):
    """One process that made load. cpu_percent: of one core. lost: it died before the load's end."""

    host: str
    pid: Count
    users: Count
    cpu_percent: Amount
    cpu_s: Amount
    lost: bool = False


class Link(_Part):
    """Use of the network interface that leads to the target; speed is null where it states none."""

    host: str
    interface: str
    sent_bytes_per_s: Amount
    received_bytes_per_s: Amount
    speed_bits_per_s: Amount | None


class Generator(_Part):
    """The load generator's own cost.

    Attributes:
        cpu_percent: of one core, for its busiest process; cpu_s: of all its processes.
        ceiling_per_s: requests per second of which its processes are capable at 100 % of a core each, from
            this campaign's calibration against a trivial responder; None where there was none.
        retransmits: TCP segments that the load's own connections sent again in the window after their first
            response, by TCP_INFO: the path or the client dropped them. Records before 0.2.0 hold the count of
            the client's whole network namespace.
        early_retransmits: those sent again before it: the target (a full listen queue) or the path dropped
            them. None in records before 0.2.0.
    """

    tool: str
    cpu_percent: Amount
    cpu_s: Amount
    processes: Count
    workers: list[GeneratorProcess] = []
    ceiling_per_s: Amount | None = None
    retransmits: Count | None = None
    early_retransmits: Count | None = None
    links: list[Link] = []


class SearchStep(_Part):
    """One rate that a search tried. kept: p99 stayed below the limit and the generator was not to blame."""

    rate_per_s: Amount
    p99_ms: Amount | None
    throughput_per_s: Amount
    kept: bool
    why: str = ""


class LoadResult(_Part):
    """The measured window only; the warm-up before it is in the histograms, not in these figures.

    Attributes:
        loop: closed (N users ask without a pause) or open (requests fall due whatever the target does).
        throughput_per_s: X, completed right answers per second of the window.
        mean_response_ms: R, over those answers; in the open loop from when the request fell due.
        little_residual: Little's law for the closed loop's N = users: mean number of requests under way / N
            - 1. In a long window that is X*R/N - 1; in a short one requests that cross its edges count with
            their part within. None in the open loop.
        errors: count by kind (timeout, refused, reset, status, body ...).
        error_details: what was wrong with one response of a kind: the parser's reason, or the difference.
        rate_per_s, arrivals: what the open loop was asked for.
        lateness_ms: how long after it fell due a request was sent; keys p50 p99 max. Open loop only.
        own_lateness_ms: the part of it for which a connection was free, so the generator's own.
        unsent: requests that fell due and had found no free connection when the window ended.
        search: what a search for the highest rate tried; the other figures are its best step's.
        histogram: file beside the record, HdrHistogram log format V2, unit microseconds, one
            interval per second; the interval's StartTimestamp is seconds since ``started_at``.
    """

    loop: Literal["closed", "open"] = "closed"
    users: Count
    warm_up_s: Amount
    window_s: Amount
    started_at: AwareDatetime
    requests: Count
    throughput_per_s: Amount
    mean_response_ms: Amount
    percentiles_ms: dict[str, Amount] = Field(description="keys p50 p90 p99 p99.9 max")
    little_residual: float | None
    errors: dict[str, Count]
    error_details: dict[str, str] = {}
    responses_checked: Count
    generator: Generator
    verdict: str = Field(description="'valid' or why the generator spoils the trial")
    histogram: str = Field(default="latency.hlog", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    rate_per_s: Amount | None = None
    arrivals: Literal["constant", "poisson"] | None = None
    lateness_ms: dict[str, float] = {}
    own_lateness_ms: dict[str, float] = {}
    unsent: Count = 0
    search: list[SearchStep] = []


class Footprint(_Part):
    """Memory of one instance. Kinds are never compared with one another silently."""

    kind: str
    source: str
    bytes: Count
    when: Literal["idle", "loaded"]


class Ended(_Part):
    """How the trial ended, and why where it did not complete."""

    state: End
    why: str = ""


class TrialRecord(_Part):
    """Everything known of one trial. Parts that were not reached are null, never invented.

    Attributes:
        schema_version: 2 added ``work`` and ``why_no_work``; 3 has the cell's ``parameters``, and separates
            the instance's accelerator from its host's processor. Older records stay readable.
        why_no_work: why the instance's instructions were not counted; empty where they were.
        phases_s: seconds of each phase: prepare, start, read, load, reread, collect, stop, record.
        not_stopped: why the instance could not be ended and removed; empty where it was.
    """

    schema_version: Literal[1, 2, 3] = 3
    campaign: str
    study: StudyReference
    id: str
    block: Count
    position: Count
    cell: Cell
    started_at: AwareDatetime
    ended_at: AwareDatetime
    instance: Instance | None = None
    caps: Caps | None = None
    identity: Identity | None = None
    boot: Boot | None = None
    load: LoadResult | None = None
    footprints: list[Footprint] = []
    work: Work | None = None
    why_no_work: str = ""
    phases_s: dict[str, Amount] = {}
    not_stopped: str = ""
    end: Ended
    provenance: dict[str, Any] = Field(
        description="host name -> facts (cpu, microcode, governor, kernel, hypervisor, versions)"
    )
