"""Filters from a study and its arms to what roles need of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.arms import ARMS, split_service
from contracts.control import arm_booted

Json = dict[str, Any]


def study_services(study: Json, runtime: str) -> list[str]:
    """Services of the study that ``runtime`` has to run; none when no arm has that runtime."""
    named = any(ARMS[arm].runtime == runtime for arm in study["arms"])
    return study["services"] if named else []


def workload_of(service: str) -> str:
    """Workload of a service."""
    return split_service(service)[0]


def arm_of(name: str) -> Json:
    """Runtime, platform and host group of an arm, under either name of a control."""
    arm = ARMS[arm_booted(name)]
    return {"runtime": arm.runtime, "platform": arm.platform, "host_group": arm.host_group}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "study_services": study_services,
            "workload_of": workload_of,
            "arm_of": arm_of,
        }
