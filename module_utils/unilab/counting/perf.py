"""Counting under KVM: ``perf stat`` on the process of QEMU, where the processor's counters allow it.

Format of its interval output: perf-stat(1), "CSV FORMAT" and option -I. A line is
``SECONDS,VALUE,UNIT,EVENT,RUN_TIME_NS,PERCENT_RUNNING,...``; VALUE is ``<not counted>`` where no thread of
the process ran, and ``<not supported>`` where the processor lacks the counter.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import processes

PROGRAM = "perf"
INTERVAL_MS = 100
MODE = "perf stat"
# Modifiers of events, perf-list(1): G and H are guest and host, u and k are user and kernel mode. Each entry
# into the guest follows an exit from it.
EVENTS = {
    "instructions:Gu": "guest_application",
    "instructions:Gk": "guest_kernel",
    "instructions:Hu": "application",
    "instructions:Hk": "kernel",
    "kvm:kvm_entry": "nested_entries",
}
NAMES = tuple(EVENTS.values())
_PROBE_TIMEOUT_S = 20


@dataclass(frozen=True)
class Sample:
    """Counts since the start of ``perf``, in the order of NAMES; the clock is CLOCK_REALTIME."""

    realtime_ns: int
    counts: tuple[int, ...]


def probe() -> None:
    """Raise LabError where ``perf`` is missing, may not count, or the processor has no such counters."""
    if shutil.which(PROGRAM) is None:
        raise LabError("perf is not installed. Remedy: install the package linux-perf or linux-tools.")
    command = [*_counting(), "--", "sleep", "0.15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"perf did not end within {_PROBE_TIMEOUT_S} s. Remedy: try it by hand.") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise LabError(f"perf cannot count here: {reason}. Remedy: run as root on a host with KVM.")
    samples_of(done.stderr, 0)


def start(pid: int, folder: Path) -> Path:
    """Count the process ``pid`` from now until it ends; return the file that ``samples_in`` reads."""
    path = counts_file(folder)
    path.with_suffix(".started").write_text(f"{time.time_ns()}\n", encoding="ascii")
    command = [*_counting(), "-o", str(path), "-p", str(pid)]
    processes.start(command, folder / "perf.log", folder / "perf.pid")
    return path


def counts_file(folder: Path) -> Path:
    """Where ``start`` lets ``perf`` write, for a guest whose state is in ``folder``."""
    return folder / "perf.csv"


def samples_in(path: Path) -> list[Sample]:
    """The samples until now. Raises LabError where there are none, or a counter is not supported."""
    try:
        started_ns = int(path.with_suffix(".started").read_text(encoding="ascii"))
        return samples_of(path.read_text(encoding="ascii"), started_ns)
    except (OSError, ValueError) as error:
        raise LabError(f"{path}: the counts cannot be read ({error}).") from None


def samples_of(text: str, started_ns: int) -> list[Sample]:
    """Running totals at each interval of ``text``, what ``perf stat -x, -I`` prints.

    Raises LabError where a counter is not supported, was multiplexed (perf then estimates it), or is missing.
    """
    intervals: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        fields = line.strip().split(",")
        if len(fields) < 6 or fields[3] not in EVENTS:
            continue
        seconds, value, event, running = fields[0], fields[1], fields[3], fields[5]
        if value == "<not supported>":
            raise LabError(
                f"this processor does not count {event}. Remedy: give the machine a PMU, or count under TCG."
            )
        if value != "<not counted>" and float(running) < 100:
            raise LabError(
                f"{event} was counted for {running} % of the time. Remedy: end other uses of perf."
            )
        intervals.setdefault(seconds, {})[EVENTS[event]] = 0 if value == "<not counted>" else int(value)
    # perf may be writing the last interval.
    whole = [(seconds, row) for seconds, row in intervals.items() if len(row) == len(NAMES)]
    if not whole:
        raise LabError("perf printed no whole interval. Remedy: load the instance longer.")
    totals = [0] * len(NAMES)
    samples = [Sample(started_ns, tuple(totals))]
    for seconds, row in whole:
        totals = [total + row[name] for total, name in zip(totals, NAMES, strict=True)]
        samples.append(Sample(started_ns + round(float(seconds) * 1e9), tuple(totals)))
    return samples


def _counting() -> list[str]:
    return [PROGRAM, "stat", "-x", ",", "-I", str(INTERVAL_MS), "-e", ",".join(EVENTS)]
