"""unilab doctor: each trouble, planted one at a time in the facts of a healthy host, is found alone."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from unilab.health import collect, findings

GIB = 2**30
HEALTHY: dict[str, Any] = {
    "cpus": 4,
    "load_1min": 0.2,
    "governors": ["performance"],
    "memory_available_bytes": 4 * GIB,
    "swap_used_bytes": 0,
    "free_bytes": {"/var/lib": 50 * GIB},
    "interface": "eth0",
    "mtu": 1500,
    "speed_mbit_per_s": 1000,
    "has_kvm": True,
    "is_root": True,
    "system": "Debian",
    "release": "12",
    "python": "3.11.2",
    "groups": ["qemu_hosts"],
    "clock": {"offset_ns": 3_000_000},
}


def found(facts: Mapping[str, Any], results: Path) -> list[tuple[str, str, bool]]:
    return [(row.host, row.kind, row.is_serious) for row in findings(facts, results)]


def three(**changes: Any) -> dict[str, Any]:
    return {"client": HEALTHY | {"groups": ["load_clients"]}, "docker": HEALTHY, "qemu": HEALTHY | changes}


def test_healthy_hosts_have_no_finding(tmp_path: Path) -> None:
    assert found(three(), tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "kind", "is_serious"),
    [
        ({"is_root": False}, "rights", True),
        ({"release": "11"}, "system", True),
        ({"system": "Alpine", "release": "3.20"}, "system", True),
        ({"clock": {"offset_ns": -1_500_000_000}}, "clock", False),
        ({"has_kvm": False}, "kvm", False),
        ({"governors": ["performance", "powersave"]}, "governor", False),
        ({"swap_used_bytes": 3 * 2**20}, "swap", True),
        ({"memory_available_bytes": GIB // 4}, "memory", True),
        ({"free_bytes": {"/var/lib": 2 * GIB}}, "disk", True),
        ({"load_1min": 1.5}, "busy", False),
        ({"speed_mbit_per_s": 100}, "link", False),
        ({"mtu": 9000}, "mtu", True),
    ],
)
def test_one_trouble_is_one_finding(
    changes: dict[str, Any], kind: str, is_serious: bool, tmp_path: Path
) -> None:
    assert found(three(**changes), tmp_path) == [("qemu", kind, is_serious)]


def test_a_host_without_guests_needs_no_kvm_and_a_virtual_card_has_no_speed(tmp_path: Path) -> None:
    changed = HEALTHY | {
        "groups": ["load_clients"],
        "has_kvm": False,
        "speed_mbit_per_s": None,
        "governors": [],
    }
    assert found({"client": changed}, tmp_path) == []


def test_a_full_disk_of_the_controller_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(GIB, GIB, 1000))
    assert found(three(), tmp_path / "not/made/yet") == [("controller", "disk", True)]


def test_facts_come_from_events_of_ansible(tmp_path: Path) -> None:
    facts: dict[str, dict[str, Any] | None] = {}

    def event(kind: str, host: str, action: str, res: dict[str, Any]) -> None:
        collect(facts, {"event": kind, "event_data": {"host": host, "task_action": action, "res": res}})

    event("runner_on_ok", "docker", "clock_offset", {"offset_ns": 2_000_000_000})
    event(
        "runner_on_ok", "docker", "host_health", {"health": HEALTHY | {"clock": {"offset_ns": 2_000_000_000}}}
    )
    event("runner_on_unreachable", "qemu", "clock_offset", {"msg": "timed out"})
    event(
        "runner_on_ok",  # the playbook lets it fail
        "xen",
        "xenserver_facts",
        {"msg": "xen: SESSION_AUTHENTICATION_FAILED. Remedy: correct it."},
    )
    assert found(facts, tmp_path) == [
        ("docker", "clock", False),
        ("qemu", "login", True),
        ("xen", "password", True),
    ]
    assert str(findings(facts, tmp_path)[2]) == (
        "xen: password: xen: SESSION_AUTHENTICATION_FAILED. Remedy: correct it."
    )
