"""Synthetic campaigns whose trials were counted, with figures known in advance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from campaigns import make_study, write_campaign

from contracts.trial import TrialRecord
from contracts.work.counted import Work, WorkCounts, WorkPeriod, WorkPerRequest

STUDY = make_study(services=["todos-go"], boots=4)
APPLICATION, KERNEL = 56_000.0, {"docker": 40_000.0, "linux-qemu": 21_000.0, "osv-qemu": 17_000.0}


def counted(
    application: Callable[[str], float] = lambda arm: APPLICATION,
    kernel_factor: float = 1.0,
    saturated_s: float = 9.5,
) -> Callable[[TrialRecord], TrialRecord]:
    """Records with counts that differ a little between boots."""

    def edit(record: TrialRecord) -> TrialRecord:
        arm = record.cell.arm
        wobble = 1 + 0.002 * (int(record.block) % 3 - 1)
        own, kernel = application(arm) * wobble, KERNEL[arm] * kernel_factor * wobble
        per_request = WorkPerRequest(
            instructions=own + kernel, application=own, kernel=kernel, system_calls=3 * wobble
        )
        counts = WorkCounts(instructions=10**9)
        work = Work(
            source="tcg_plugin",
            scope="guest",
            includes="a service",
            counted_on="qemu-host",
            first_answer=WorkCounts(instructions=round(3e8 * wobble)),
            idle=WorkPeriod(seconds=2, counts=WorkCounts(instructions=round(2e6 * wobble))),
            window=WorkPeriod(seconds=10, counts=counts),
            vcpus=[counts],
            sample_interval_ms=100,
            longest_gap_ms=101,
            alignment_error_ms=3,
            idle_mark="halts",
            idle_share=0.3,
            saturated_s=saturated_s,
            per_request=per_request,
        )
        return record.model_copy(update={"work": work})

    return edit


def campaign(folder: Path, edit: Callable[[TrialRecord], TrialRecord]) -> Path:
    write_campaign(folder, STUDY, edit=edit)
    return folder


# On a server that runs guests: application, kernel of the instance, hypervisor and host; entries into it.
SERVER_LAYERS = {
    "docker": (56_000.0, 51_000.0, 0.0, 0.0),
    "linux-qemu": (58_000.0, 60_000.0, 58_000.0, 11.0),
    "osv-qemu": (57_000.0, 21_000.0, 36_000.0, 3.3),
}


def counted_on_server(record: TrialRecord) -> TrialRecord:
    """The record of a trial on one emulated server, whose guests ran on its KVM."""
    made = counted()(record)
    application, kernel, host, entries = SERVER_LAYERS[record.cell.arm]
    wobble = 1 + 0.002 * (int(record.block) % 3 - 1)
    own, below = (application, kernel) if not host else (host * 0.25, host * 0.75)
    per_request = WorkPerRequest(
        instructions=(application + kernel + host) * wobble,
        application=own * wobble,
        kernel=below * wobble,
        guest_application=application * wobble if host else 0.0,
        guest_kernel=kernel * wobble if host else 0.0,
        system_calls=3 * wobble,
        msr_writes=5 * wobble,
        nested_entries=entries * wobble,
    )
    work = made.work.model_copy(update={"per_request": per_request, "scope": "machine"})  # type: ignore[union-attr]
    instance = made.instance.model_copy(update={"accelerator": "kvm", "host": "server"})  # type: ignore[union-attr]
    provenance = {"server": {"cpu": "QEMU Virtual CPU", "virtualization": "qemu"}}
    return made.model_copy(update={"work": work, "instance": instance, "provenance": provenance})
