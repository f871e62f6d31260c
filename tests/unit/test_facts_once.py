"""Paths, ports and names that several parts must agree on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.platforms import PLATFORMS
from contracts.workload import SERVICE_PORT, WORKLOADS
from filter_plugins.arms.arms import platform_hosts, platforms_of

PROJECT = Path(__file__).resolve().parents[2]


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT / f"roles/{role}/defaults/main.yml").read_text())
    return found


def test_load_is_where_its_role_installs_it() -> None:
    installed = defaults("load_client")["load_client_dir"]
    assert defaults("trial")["trial_load_dir"] == (
        f"{{{{ hostvars[trial_client].load_client_dir | default('{installed}') }}}}"
    )


def test_services_listen_on_one_port() -> None:
    assert defaults("trial")["trial_port"] == SERVICE_PORT


@pytest.mark.parametrize("literal", ["8080", "unilab-instance", "/opt/unilab/load(?!-venv)", "bubble_sort"])
def test_tasks_and_playbooks_do_not_repeat_the_fact(literal: str) -> None:
    files = [*PROJECT.glob("playbooks/**/*.yml"), *PROJECT.glob("roles/trial/tasks/*.yml")]
    files += PROJECT.glob("roles/trial/vars/*.yml")
    assert files
    repeated = [path.name for path in files if re.search(literal, path.read_text())]
    assert repeated == []


def test_every_platform_is_cleared_before_a_campaign() -> None:
    tasks = PROJECT / "roles/trial/tasks"
    assert all((tasks / f"clear_{name}.yml").is_file() for name in PLATFORMS)


def test_platforms_of_a_host_follow_from_its_groups() -> None:
    assert platforms_of(["docker_hosts", "qemu_hosts", "other"]) == ["docker", "qemu"]
    groups = {"docker_hosts": ["server"], "qemu_hosts": ["server", "b"], "load_clients": ["client"]}
    assert platform_hosts(groups) == ["server", "b"]


def test_workloads_are_where_their_descriptions_say() -> None:
    for workload in WORKLOADS.values():
        assert (PROJECT / workload.responses).is_file() and (PROJECT / workload.locustfile).is_file()
