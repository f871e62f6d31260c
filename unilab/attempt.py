"""One boot of one service on one arm, to see whether it works: ``unilab try``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.store.folder import TRIALS
from contracts.study import Study
from contracts.trial import TrialRecord
from contracts.units import MIB
from contracts.workload import split_service

_CONSOLE_LINES = 30


def attempt_study(service: str, arm: str, memory_mib: int) -> dict[str, Any]:
    """A study of one trial with a second of load; ``service`` is one of contracts.workload.SERVICES."""
    workload, _ = split_service(service)
    return {
        "name": "try",
        "title": f"{service} on {arm}, tried once",
        "seed": 0,
        "boots": 1,
        "services": [service],
        "arms": [arm],
        "caps": [{"memory_mib": memory_mib}],
        "boot_timeout_s": 60,
        "load": {workload: {"users": 1, "warm_up_s": 0, "duration_s": 1}},
    }


def outcome_lines(directory: Path, study: Study, records: list[TrialRecord]) -> list[str]:
    """What came of it: figures where the trial completed; else why it did not, and the console's end."""
    if not records:
        return [f"no trial was run. Campaign: {directory}"]
    (record,) = records
    lines = [f"{study.title}: {record.end.state}" + (f" ({record.end.why})" if record.end.why else "")]
    if record.boot:
        lines.append(f"first right answer {record.boot.first_answer_ms / 1000:.2f} s after the start")
    if record.instance:
        lines.append(
            f"image {record.instance.image_bytes / MIB:.1f} MiB, accelerator {record.instance.accelerator}"
        )
    lines += [f"memory {row.when}: {row.bytes / MIB:.1f} MiB ({row.kind})" for row in record.footprints]
    console = directory / TRIALS / f"{record.id}-{record.cell.slug}" / "console.log"
    if record.end.state != "completed" and console.is_file():
        lines.append(f"end of {console}:")
        lines += console.read_text(encoding="utf-8", errors="replace").splitlines()[-_CONSOLE_LINES:]
    return lines
