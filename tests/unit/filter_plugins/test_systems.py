"""Operating systems that roles know: the same in their checks and in their metadata; one lock of the load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from filter_plugins.hosts.systems import system_problem

PROJECT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("name", "version"),
    [("Debian", "12"), ("Debian", "12.11"), ("Debian", "13.1"), ("Ubuntu", "22.04"), ("Ubuntu", "26.04")],
)
def test_a_known_system_has_no_problem(name: str, version: str) -> None:
    assert system_problem({"distribution": name, "distribution_version": version}) == ""


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("Debian", "11.9"),
        ("Debian", "14"),
        ("Debian", "n/a"),
        ("Ubuntu", "20.04"),
        ("Ubuntu", "26.10"),
        ("Fedora", "42"),
    ],
)
def test_another_system_is_refused_with_the_known_ones(name: str, version: str) -> None:
    problem = system_problem({"distribution": name, "distribution_version": version})
    assert problem.startswith(f"{name} {version} is not known")
    assert "use Debian 12 to 13, Ubuntu 22.04 to 26.04" in problem


@pytest.mark.parametrize("meta", sorted(PROJECT.glob("roles/*/meta/main.yml")), ids=lambda p: p.parts[-3])
def test_metadata_names_the_releases_of_the_check(meta: Path) -> None:
    info = yaml.safe_load(meta.read_text())["galaxy_info"]
    assert info["min_ansible_version"] == "2.19"
    versions = {row["name"]: row["versions"] for row in info["platforms"]}
    assert versions == {"Debian": ["bookworm", "trixie"], "Ubuntu": ["jammy", "noble", "resolute"]}


def test_clients_and_controller_have_the_same_version_of_each_package() -> None:
    locks = {name: _versions(PROJECT / f"requirements/{name}.txt") for name in ("load", "controller")}
    assert "locust" in locks["load"]
    assert locks["load"].items() <= locks["controller"].items()


def _versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(), flags=re.MULTILINE))
