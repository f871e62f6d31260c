"""How a trial ended, from what its steps returned."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from contracts.outcome import ended, phases_s, record_of

FACTS: dict[str, Any] = {
    "campaign": "c",
    "study": {"name": "s", "sha256": "0" * 64, "seed": 1},
    "id": "0001",
    "block": 0,
    "position": 0,
    "cell": {
        "service": "todos-go",
        "arm": "docker",
        "threads": 1,
        "cpus": 1.0,
        "memory_mib": 256,
        "parameters": {},
    },
    "started_at": "2026-01-02T03:04:05Z",
    "ended_at": "2026-01-02T03:04:25Z",
    "nonce": "abc",
    "instance": {
        "artifact_sha256": "a" * 64,
        "image_sha256": "b" * 64,
        "image_bytes": 5,
        "kernel": "6.1",
        "accelerator": "tcg",
        "vcpus": 1,
        "command_line": "/app/server",
        "host": "docker-host",
        "address": "10.0.0.2",
        "port": 8080,
    },
    "provenance": {},
}
LOAD = {
    "users": 4,
    "warm_up_s": 1.0,
    "window_s": 2.0,
    "started_at": "2026-01-02T03:04:10Z",
    "requests": 100,
    "throughput_per_s": 50.0,
    "mean_response_ms": 80.0,
    "percentiles_ms": {"p50": 1.0, "p90": 1.0, "p99": 1.0, "p99.9": 1.0, "max": 1.0},
    "little_residual": 0.0,
    "errors": {},
    "responses_checked": 100,
    "generator": {"tool": "locust", "cpu_percent": 10.0, "cpu_s": 0.2, "processes": 1},
    "verdict": "valid",
}
ROW = {"kind": "docker_stats", "source": "memory.current", "bytes": 1, "when": "idle"}
STEPS: dict[str, Any] = {
    "start": {
        "identity": {"service": "todos-go", "nonce": "abc", "artifact": "a" * 64, "threads": 1},
        "first_answer_ms": 400.0,
        "polls": 9,
    },
    "caps": {
        "read_back": [{"resource": "cpu", "kind": "quota", "source": "f", "value": 1.0, "unit": "cpus"}]
    },
    "idle": {"footprints": [ROW]},
    "load": {"produced": {"outcome": {"state": "completed", "why": ""}, "load": LOAD}},
    "loaded": {"footprints": [ROW | {"when": "loaded"}]},
}


def changed(**changes: Any) -> dict[str, Any]:
    steps = copy.deepcopy(STEPS)
    for step, content in changes.items():
        steps[step] = content
    return steps


def test_a_trial_in_which_all_went_well_is_completed() -> None:
    record = record_of(FACTS, STEPS, {"TLS initialization": 1.91})
    assert record.end.state == "completed" and record.end.why == ""
    assert record.boot and record.boot.first_answer_ms == 400.0
    assert record.boot.phases_ms == {"TLS initialization": 1.91}
    assert record.identity and record.identity.nonce_seen == record.identity.nonce_wanted == "abc"
    assert [row.when for row in record.footprints] == ["idle", "loaded"]
    assert record.caps and record.caps.wanted_memory_bytes == 256 * 2**20


def test_a_unikernel_that_tells_no_identity_is_recorded_without_one() -> None:
    facts = FACTS | {"instance": FACTS["instance"] | {"identified_by": "answers"}}
    record = record_of(facts, changed(start=STEPS["start"] | {"identity": {}}))
    assert (record.end.state, record.end.why) == ("completed", "")
    assert record.identity is None and record.boot and record.boot.first_answer_ms == 400.0
    assert record.instance and record.instance.identified_by == "answers"


def test_a_footprint_that_the_study_did_not_ask_for_is_no_fault() -> None:
    record = record_of(FACTS, changed(idle={"skipped": True, "changed": False}))
    assert record.end.state == "completed" and [row.when for row in record.footprints] == ["loaded"]


ANOTHER = STEPS["start"] | {"identity": STEPS["start"]["identity"] | {"artifact": "c" * 64}}
MORE_THREADS = STEPS["start"] | {"identity": STEPS["start"]["identity"] | {"threads": 4}}


@pytest.mark.parametrize(
    ("steps", "state", "why"),
    [
        (changed(start={"failed": True, "msg": "ended before", "ended": True}), "crashed", "ended before"),
        (changed(start={"failed": True, "msg": "no right answer", "ended": False}), "hung", "no right"),
        (changed(start={"failed": True, "msg": "port is taken"}), "failed", "port is taken"),
        (changed(start={"unreachable": True, "msg": "no route"}), "failed", "no route"),
        (changed(start={}), "failed", "not reached"),
        (changed(start=ANOTHER), "invalid", "another artifact"),
        (changed(start=MORE_THREADS), "invalid", "4 threads, not 1"),
        (changed(caps={"failed": True, "msg": "The caps do not hold"}), "invalid", "do not hold"),
        (changed(load={"produced": None, "msg": "locust: no such file"}), "failed", "no such file"),
        (
            changed(load={"produced": {"outcome": {"state": "hung", "why": "no answer"}, "load": None}}),
            "hung",
            "no answer",
        ),
        (
            changed(
                load={
                    "produced": {
                        "outcome": {"state": "completed", "why": ""},
                        "load": LOAD | {"verdict": "CPU 93 %"},
                    }
                }
            ),
            "invalid",
            "CPU 93 %",
        ),
        (changed(loaded={"failed": True, "msg": "container does not run"}), "failed", "does not run"),
    ],
)
def test_the_first_step_that_went_wrong_decides(steps: dict[str, Any], state: str, why: str) -> None:
    end = ended(FACTS, steps)
    assert end.state == state and why in end.why
    assert record_of(FACTS, steps).end == end


def test_member_of_a_pool_that_ran_the_guest_is_recorded() -> None:
    host = {"uuid": "u", "name": "xen-2", "address": "192.0.2.11"}
    recorded = record_of(FACTS, STEPS | {"start": STEPS["start"] | {"host": host}})
    assert recorded.instance and recorded.instance.resident_on == host
    alone = record_of(FACTS, STEPS)
    assert alone.instance and alone.instance.resident_on is None


@pytest.mark.parametrize(
    ("stop", "why"),
    [
        ({"changed": False}, ""),
        ({"not_stopped": ""}, ""),
        ({"not_stopped": "the guest's process 7 does not end"}, "the guest's process 7 does not end"),
        ({"failed": True, "stderr": "warning\nno engine listens"}, "warning no engine listens"),
        ({"unreachable": True, "msg": "timed out"}, "the host cannot be reached: timed out"),
    ],
)
def test_instance_that_was_not_ended_is_in_the_record_of_a_trial_that_counts(
    stop: dict[str, Any], why: str
) -> None:
    record = record_of(FACTS, changed(stop=stop))
    assert (record.end.state, record.not_stopped) == ("completed", why)


def test_phases_add_up_to_the_trial() -> None:
    marks = [("prepare", 101.0), ("start", 104.5), ("load", 120.0), ("collect", 120.5), ("collect", 121.0)]
    found = phases_s(100.0, marks, 121.25)
    assert found == {"prepare": 1.0, "start": 3.5, "load": 15.5, "collect": 1.0, "record": 0.25}
    assert sum(found.values()) == 21.25
    # A clock that was set back gives no negative time.
    assert phases_s(100.0, [("prepare", 99.0)], 100.5)["prepare"] == 0.0
