"""What is counted of a QEMU guest: where, by which addresses, and the counters now."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.unilab.counting import perf
from ansible.module_utils.unilab.counting.mapped_file import MappedFile
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.qemu import Boot, Guest


def counts_file(guest: Guest, boot: Boot) -> str:
    """The file that the plugin writes; empty where nothing is counted, as under KVM."""
    return str(guest.counts) if boot.counting and boot.accelerator == "tcg" else ""


def counting_started(guest: Guest, boot: Boot, pid: int) -> dict[str, str]:
    """``counts``, and ``why_no_counts`` where perf, which counts under KVM, cannot."""
    if not boot.counting or boot.accelerator == "tcg":
        return {"counts": counts_file(guest, boot)}
    try:
        perf.probe()
        return {"counts": str(perf.start(pid, guest.directory))}
    except LabError as error:
        return {"counts": "", "why_no_counts": f"instructions are not counted under KVM: {error}"}


def is_counted_as(guest: Guest, boot: Boot) -> bool:
    """Whether the running guest is counted by the addresses of ``boot``."""
    wanted = boot.counting.ranges if boot.counting and counts_file(guest, boot) else None
    try:
        with MappedFile(guest.counts) as mapped:
            return mapped.header.ranges == wanted
    except LabError:
        return wanted is None


def counted(guest: Guest, boot: Boot) -> dict[str, Any]:
    """``first_answer_ns`` (CLOCK_REALTIME) and ``first_answer_counts``; empty where nothing is counted.

    Raises LabError where the plugin's file cannot be read.
    """
    if not counts_file(guest, boot):
        return {}
    with MappedFile(guest.counts) as mapped:
        return {"first_answer_ns": time.time_ns(), "first_answer_counts": mapped.counts()}
