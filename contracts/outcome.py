"""From what the steps of a trial returned to its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.trial import Ended, TrialRecord
from contracts.units import MIB

Result = Mapping[str, Any]


Marks = Sequence[tuple[str, float]]


def phases_s(started_s: float, marks: Marks, ended_s: float) -> dict[str, float]:
    """Seconds of each phase of a trial; the last one, ``record``, ends at ``ended_s``.

    ``marks`` are each phase and when it ended, by the same clock and in their order. One that is named twice
    has the sum.
    """
    found: dict[str, float] = {}
    since_s = started_s
    for name, at_s in [*marks, ("record", ended_s)]:
        found[name] = round(found.get(name, 0.0) + max(0.0, at_s - since_s), 3)
        since_s = at_s
    return found


def record_of(
    facts: Mapping[str, Any], steps: Mapping[str, Result], phases_ms: Mapping[str, float] | None = None
) -> TrialRecord:
    """The record of a trial.

    Args:
        facts: campaign, study, id, block, position, cell, times, instance and provenance, as
            TrialRecord has them; ``nonce`` is what this trial put into its instance.
        steps: the Ansible result of each step, by name: start, caps, idle, load, loaded. A step
            that was not reached is missing or empty.
        phases_ms: what the instance's own boot chart said.
    """
    facts = dict(facts)
    nonce, instance = facts.pop("nonce"), facts["instance"]
    start, caps, load = (steps.get(name, {}) for name in ("start", "caps", "load"))
    cell, produced = facts["cell"], load.get("produced") or {}
    seen = start.get("identity")
    footprints = [row for name in ("idle", "loaded") for row in steps.get(name, {}).get("footprints", [])]
    return TrialRecord.model_validate(
        facts
        | {
            # A pool's guest: the module of the start reports the member that ran it.
            "instance": instance and {**instance, "resident_on": start.get("host") or None},
            "caps": {
                "wanted_cpus": cell["cpus"],
                "wanted_memory_bytes": cell["memory_mib"] * MIB,
                "read_back": caps.get("read_back", []),
            },
            "identity": {
                "nonce_wanted": nonce,
                "nonce_seen": seen["nonce"],
                "artifact_seen": seen["artifact"],
                "threads_seen": seen["threads"],
            }
            if seen
            else None,
            "boot": {
                "first_answer_ms": start["first_answer_ms"],
                "measured_on": instance["host"],
                "polls": start["polls"],
                "phases_ms": phases_ms or {},
            }
            if _answered(start)
            else None,
            "load": produced.get("load"),
            "footprints": footprints,
            "not_stopped": _not_stopped(steps.get("stop", {})),
            "end": ended(facts, steps).model_dump(),
        }
    )


def ended(facts: Mapping[str, Any], steps: Mapping[str, Result]) -> Ended:
    """How the trial ended: the first step that went wrong decides."""
    for judge in (_judge_start, _judge_identity, _judge_caps, _judge_load, _judge_footprints):
        verdict = judge(facts, steps)
        if verdict:
            return verdict
    return Ended(state="completed")


def _judge_start(facts: Mapping[str, Any], steps: Mapping[str, Result]) -> Ended | None:
    start = steps.get("start", {})
    if _answered(start):
        return None
    ended_by_itself = start.get("ended")
    if ended_by_itself is None:
        return Ended(state="failed", why=f"start: {_message(start)}")
    return Ended(state="crashed" if ended_by_itself else "hung", why=f"start: {_message(start)}")


def _judge_identity(facts: Mapping[str, Any], steps: Mapping[str, Result]) -> Ended | None:
    seen, threads = steps["start"]["identity"], facts["cell"]["threads"]
    if not seen:  # a prebuilt unikernel, known by its answers
        return None
    if seen["artifact"] != facts["instance"]["artifact_sha256"]:
        return Ended(state="invalid", why=f"identity: another artifact answered ({seen['artifact']})")
    if seen["threads"] != threads:
        return Ended(state="invalid", why=f"identity: {seen['threads']} threads, not {threads}")
    return None


def _judge_caps(facts: Mapping[str, Any], steps: Mapping[str, Result]) -> Ended | None:
    caps = steps.get("caps", {})
    return Ended(state="invalid", why=f"caps: {_message(caps)}") if _went_wrong(caps) else None


def _judge_load(facts: Mapping[str, Any], steps: Mapping[str, Result]) -> Ended | None:
    load = steps.get("load", {})
    produced = load.get("produced")
    if not produced:
        return Ended(state="failed", why=f"load: {_message(load)}")
    outcome = produced["outcome"]
    if outcome["state"] != "completed":
        return Ended(state=outcome["state"], why=f"load: {outcome['why']}")
    verdict = produced["load"]["verdict"]
    return None if verdict == "valid" else Ended(state="invalid", why=f"generator: {verdict}")


def _judge_footprints(facts: Mapping[str, Any], steps: Mapping[str, Result]) -> Ended | None:
    for name in ("idle", "loaded"):
        step = steps.get(name, {})
        if _went_wrong(step) and not step.get("skipped"):
            return Ended(state="failed", why=f"footprint, {name}: {_message(step)}")
    return None


def _not_stopped(stop: Result) -> str:
    """Why the step that ends the instance did not."""
    if stop.get("not_stopped"):
        return str(stop["not_stopped"])
    if stop.get("unreachable"):
        return f"the host cannot be reached: {_message(stop)}"
    return _message(stop) if stop.get("failed") else ""


def _answered(start: Result) -> bool:
    return "first_answer_ms" in start


def _went_wrong(step: Result) -> bool:
    return not step or bool(step.get("failed") or step.get("unreachable"))


def _message(step: Result) -> str:
    if not step:
        return "not reached"
    text = str(step.get("msg") or step.get("stderr") or "no message").strip()
    return " ".join(text.splitlines()[-3:])
