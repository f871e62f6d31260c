"""Filters from a study to what roles need of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

from contracts.arms import ARMS, split_service
from contracts.availability import arms_not_run
from contracts.errors import InputError
from contracts.study import Study, load_study

Json = dict[str, Any]


def study_file(path: str) -> Json:
    """Content of the study at ``path``, checked. One clear message where it is wrong."""
    try:
        return load_study(Path(path)).model_dump(mode="json")
    except InputError as error:
        raise AnsibleFilterError(str(error)) from None


def study_not_run(study: Json, groups: dict[str, list[str]], osv_loader: str = "") -> list[Json]:
    """Arms of the study that this laboratory cannot run: list of {arm, why, remedy}."""
    rows = arms_not_run(Study.model_validate(study), groups, osv_loader)
    return [row.model_dump(mode="json") for row in rows]


def study_services(study: Json, runtime: str) -> list[str]:
    """Services of the study that ``runtime`` has to run; none when no arm has that runtime."""
    named = any(ARMS[arm].runtime == runtime for arm in study["arms"])
    return study["services"] if named else []


def workload_of(service: str) -> str:
    """Workload of a service."""
    return split_service(service)[0]


def arm_of(name: str) -> Json:
    """Runtime, platform and host group of an arm."""
    arm = ARMS[name]
    return {"runtime": arm.runtime, "platform": arm.platform, "host_group": arm.host_group}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "study_file": study_file,
            "study_not_run": study_not_run,
            "study_services": study_services,
            "workload_of": workload_of,
            "arm_of": arm_of,
        }
