"""The part ``work`` of a trial's record: what was counted of the instance's instructions, and per request.

Idle work is taken out by one formula. A guest that waits executes idle code: an idle loop, or the way into
and out of HLT. The *idle mark* is a count that only idle code raises: the instructions of the kernel's idle
loop where its address is known, else HLT instructions. Before the load the guest is idle for some seconds;
there each count c has some value per idle mark. In the window, the mark times that value is idle work:

    c per request = (c in the window - mark in the window * c while idle / mark while idle) / requests

Where halts are the mark, no more is taken out than an idle guest executes in the time of the window: under
load a virtual CPU may halt more often than an idle one, for a shorter time each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# An interval is saturated where idle work makes up at most this share of its instructions.
SATURATED_IDLE_SHARE = 0.05
# A trial is saturated where such intervals make up this share of the window.
SATURATED_WINDOW_SHARE = 0.5
SERIES = "work.csv.gz"
# Counts that the record has of each second: the analysis divides them by the answers of that second.
BY_SECOND = ("application", "kernel", "interrupt_returns", "address_space_switches")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class WorkCounts(_Part):
    """Counts over some time. None: not counted by this source, or the split is not known.

    Attributes:
        instructions: all that the guest executed.
        application: those outside the kernel's addresses; kernel: those within, its idle loop included.
        idle_loop: those in the kernel's idle loop, a part of ``kernel``; None where its address is not known.
        interrupt_returns: IRET, after interrupts and exceptions.
        address_space_switches: writes to CR3. port_io: IN and OUT. nested_entries: VMRUN and its like.
        guest_kernel, guest_application: where the machine is a server that runs guests, those between VMRUN
            and the instruction after it; from perf, those of ring 0 and of other rings in the guest.
            ``kernel`` and ``application`` are then the server's own; from perf, those for QEMU's process.
    """

    instructions: int = Field(ge=0)
    application: int | None = Field(default=None, ge=0)
    kernel: int | None = Field(default=None, ge=0)
    idle_loop: int | None = Field(default=None, ge=0)
    system_calls: int | None = Field(default=None, ge=0)
    system_returns: int | None = Field(default=None, ge=0)
    interrupt_returns: int | None = Field(default=None, ge=0)
    address_space_switches: int | None = Field(default=None, ge=0)
    tlb_invalidations: int | None = Field(default=None, ge=0)
    halts: int | None = Field(default=None, ge=0)
    port_io: int | None = Field(default=None, ge=0)
    msr_writes: int | None = Field(default=None, ge=0)
    nested_entries: int | None = Field(default=None, ge=0)
    guest_kernel: int | None = Field(default=None, ge=0)
    guest_application: int | None = Field(default=None, ge=0)


class WorkPerRequest(_Part):
    """The same counts per right answer of the window, idle work taken out."""

    instructions: float
    application: float | None = None
    kernel: float | None = None
    system_calls: float | None = None
    system_returns: float | None = None
    interrupt_returns: float | None = None
    address_space_switches: float | None = None
    tlb_invalidations: float | None = None
    halts: float | None = Field(default=None, description="as counted: idle work is not taken out of it")
    port_io: float | None = None
    msr_writes: float | None = None
    nested_entries: float | None = None
    guest_kernel: float | None = None
    guest_application: float | None = None

    @property
    def layers(self) -> WorkLayers | None:
        """Where the instructions are spent, None where the kernel's addresses are not known."""
        if self.application is None or self.kernel is None:
            return None
        if not self.guest_application and not self.guest_kernel:
            return WorkLayers(application=self.application, kernel=self.kernel, host=0.0)
        return WorkLayers(
            application=self.guest_application or 0.0,
            kernel=self.guest_kernel or 0.0,
            host=self.application + self.kernel,
        )


@dataclass(frozen=True)
class WorkLayers:
    """Instructions per request by what executes them.

    Attributes:
        application: the service. In a container's count the engine's processes are in it.
        kernel: of the instance: the guest's, or the container host's.
        host: under a guest: KVM, the server's kernel, and QEMU's device model.
    """

    application: float
    kernel: float
    host: float


class WorkPeriod(_Part):
    """Counts of a period of ``seconds``, summed over the virtual CPUs."""

    seconds: float = Field(gt=0)
    counts: WorkCounts


class Work(_Part):
    """What was counted in a trial.

    Attributes:
        source: tcg_plugin counts every instruction of the emulated machine; perf reads counters of the host's
            processor under KVM.
        scope: guest: the instance's own guest; machine: a guest that holds more than the instance.
        includes: what the counted guest runs, so what belongs to ``application`` and to ``kernel``.
        counted_on: the host whose QEMU counted.
        mode: how the plugin counted: inline, callbacks, or inline per vCPU.
        ranges: the addresses by which instructions were separated, "kernel=LOW-HIGH", "idle=LOW-HIGH".
        first_answer: from the start of the guest to the first right answer, idle work included.
        idle: between the first right answer and the load; None where it was too short.
        window: the measured window; vcpus: the same for each virtual CPU.
        alignment_error_ms: by how much the window's ends may be misplaced among the samples.
        longest_gap_ms: between two samples of the window.
        idle_mark: the count by which idle work was taken out, None where it was not.
        idle_share: idle work, as a share of the window's instructions.
        saturated_s: time of the window in intervals with an idle share up to SATURATED_IDLE_SHARE.
        seconds: instructions of each whole second of the window, idle work taken out.
        by_second: the counts ``BY_SECOND`` of the same seconds, as counted.
        per_request: None where there is no right answer.
        series: file beside the record: one row per sample and virtual CPU, counts since the sample before.
    """

    source: Literal["tcg_plugin", "perf"]
    scope: Literal["guest", "machine"]
    includes: str
    counted_on: str
    mode: str = ""
    api_version: int | None = None
    ranges: list[str] = []
    first_answer: WorkCounts | None = None
    idle: WorkPeriod | None = None
    window: WorkPeriod
    vcpus: list[WorkCounts]
    sample_interval_ms: float
    longest_gap_ms: float
    alignment_error_ms: float = Field(ge=0)
    idle_mark: Literal["idle_loop", "halts"] | None = None
    idle_share: float | None = Field(default=None, ge=0)
    saturated_s: float | None = Field(default=None, ge=0)
    seconds: list[int] = []
    by_second: dict[str, list[int]] = {}
    per_request: WorkPerRequest | None = None
    series: str = SERIES

    @property
    def is_saturated(self) -> bool:
        """Whether the virtual CPUs were busy for most of the window."""
        return (
            self.saturated_s is not None and self.saturated_s >= SATURATED_WINDOW_SHARE * self.window.seconds
        )
