"""Paths, ports and names that several parts must agree on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.module_utils.unilab import service
from ansible.module_utils.unilab import units as module_units

from contracts import units
from contracts.platforms import PLATFORMS
from contracts.workload import SERVICE_PORT, WORKLOADS
from filter_plugins.arms.arms import platform_hosts, platforms_of
from filter_plugins.project_root import role_default

PROJECT = Path(__file__).resolve().parents[2]


def defaults(role: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT / f"roles/{role}/defaults/main.yml").read_text())
    return found


@pytest.mark.parametrize("name", ["load_client_dir", "load_client_venv"])
def test_load_is_where_its_role_installs_it(name: str) -> None:
    """Plays that run without the role read the path in its defaults; no other file names it."""
    path = role_default("load_client", name)
    assert path == defaults("load_client")[name]
    others = [path for path in PROJECT.glob("roles/*/**/*.yml") if "load_client" not in path.parts]
    others += [*PROJECT.glob("playbooks/*.yml"), *PROJECT.glob("inventories/*/*.yml")]
    assert [file for file in others if path in file.read_text()] == []
    texts = (
        (PROJECT / "roles/trial/defaults/main.yml").read_text(),
        (PROJECT / "playbooks/trials.yml").read_text(),
    )
    assert f"'load_client' | role_default('{name}')" in "".join(texts)


@pytest.mark.parametrize(("role", "name"), [("load_client", "nothing"), ("no_role", "load_client_dir")])
def test_a_default_that_is_not_there_is_one_message(role: str, name: str) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"roles/{role}/defaults/main.yml: no default '{name}'"):
        role_default(role, name)


def test_services_listen_on_one_port() -> None:
    assert defaults("trial")["trial_port"] == service.SERVICE_PORT == SERVICE_PORT


@pytest.mark.parametrize("name", ["KIB", "MIB"])
def test_units_of_modules_are_those_of_the_controller(name: str) -> None:
    assert getattr(module_units, name) == getattr(units, name)


@pytest.mark.parametrize("literal", ["8080", "unilab-instance", "/opt/unilab/load(?!-venv)", "bubble_sort"])
def test_tasks_and_playbooks_do_not_repeat_the_fact(literal: str) -> None:
    files = [*PROJECT.glob("playbooks/**/*.yml"), *PROJECT.glob("roles/trial/tasks/**/*.yml")]
    files += PROJECT.glob("roles/trial/vars/*.yml")
    assert files
    repeated = [path.name for path in files if re.search(literal, path.read_text())]
    assert repeated == []


def test_every_platform_is_cleared_before_a_campaign() -> None:
    tasks = PROJECT / "roles/trial/tasks"
    assert all((tasks / f"clear/{name}.yml").is_file() for name in PLATFORMS)


def test_platforms_of_a_host_follow_from_its_groups() -> None:
    assert platforms_of(["docker_hosts", "qemu_hosts", "other"]) == ["docker", "native", "qemu"]
    groups = {"docker_hosts": ["server"], "qemu_hosts": ["server", "b"], "load_clients": ["client"]}
    assert platform_hosts(groups) == ["server", "b"]


def test_workloads_are_where_their_descriptions_say() -> None:
    for workload in WORKLOADS.values():
        assert (PROJECT / workload.responses).is_file() and (PROJECT / workload.locustfile).is_file()
