"""Checks of counted work: the same artifact does the same application work in every arm, on busy CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from analysis.checks.cells import Finding
from analysis.records.cells import CellTrials
from analysis.records.metrics import WORK_METRICS

# Further apart than this, the application does not execute the same work per request.
SAME_WORK_LIMIT = 0.03
_CAUSES = (
    "another code path, garbage collection, a compiler that is not yet warm, other programs of the guest, "
    "or timers, which take more of each request where the emulated CPU is slow"
)
_APPLICATION = next(metric for metric in WORK_METRICS if metric.key == "application_per_request")


def same_application_work(cells: Sequence[CellTrials]) -> list[Finding]:
    """Arms whose median application work per request differs from the least of their setting by over 3 %.

    Only arms that run the same staged tree are compared. A caution: the counts stand, and this names them.
    """
    groups: dict[tuple[object, ...], list[tuple[float, CellTrials]]] = {}
    for cell in cells:
        values = cell.values(_APPLICATION)
        if values:
            artifact = cell.trials["artifact_sha256"][0]
            groups.setdefault((*cell.cell.setting, artifact), []).append((median(values), cell))
    findings = []
    for members in groups.values():
        least, base = min(members, key=lambda member: member[0])
        for value, cell in members:
            if value > least * (1 + SAME_WORK_LIMIT):
                what = (
                    f"the application executes {value:,.1f} thousand instructions per request, "
                    f"{(value / least - 1) * 100:.1f} % more than on {base.cell.arm}: {_CAUSES}"
                )
                subject = f"{cell.cell.service} {cell.cell.arm}, {cell.cell.threads} threads"
                findings.append(Finding("same work", "caution", subject, what, (cell.cell.slug,)))
    return findings


def unsaturated(cells: Sequence[CellTrials]) -> list[Finding]:
    """Trials whose virtual CPUs waited for the client during half of the window or more."""
    findings = []
    for cell in cells:
        if "work_saturated" not in cell.trials.columns:
            continue
        columns = ("trial_id", "work_saturated", "work_saturated_s", "window_s", "work_idle_share")
        for trial_id, saturated, busy_s, window_s, share in cell.trials.select(columns).iter_rows():
            if saturated is False:
                what = (
                    f"its virtual CPUs were saturated for {busy_s:.1f} s of {window_s:.1f} s; "
                    f"{share * 100:.1f} % of its instructions were idle work, which was taken out"
                )
                findings.append(Finding("saturated", "caution", f"trial {trial_id}", what))
    return findings
