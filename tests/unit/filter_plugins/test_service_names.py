"""Services and their variants: what they are called, and where their manifests lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.manifest import load_manifest
from contracts.workload import SERVICES, WORKLOADS, services_in, split_service
from filter_plugins.project.manifests import FilterModule, service_manifest

FOLDER = Path(__file__).resolve().parents[3] / "services"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_manifest_without_notices(service: str) -> None:
    workload, language = split_service(service)
    assert workload in WORKLOADS
    manifest = load_manifest(FOLDER / service_manifest(service))
    assert manifest.folder == FOLDER / workload / language
    assert manifest.notices == ()
    assert manifest.build.startswith("make")


def test_the_services_are_six_and_go_has_two_builds_more() -> None:
    plain = [f"{workload}-{language}" for workload in WORKLOADS for language in ("go", "java", "python")]
    builds = [f"{workload}-go.{variant}" for workload in WORKLOADS for variant in ("static", "shared")]
    assert sorted(SERVICES) == sorted([*plain, *builds])
    assert split_service("bubble_sort-go.static") == ("bubble_sort", "go")


def test_a_service_is_a_folder_with_a_manifest(tmp_path: Path) -> None:
    for name in (
        "todos/zig/Capstanfile",
        "todos/zig/Capstanfile.small",
        "todos/go/main.go",
        "shop/go/Capstanfile",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "todos/zig/Capstanfilex").touch()
    assert services_in(tmp_path) == ("todos-zig", "todos-zig.small")
    assert services_in(tmp_path / "none") == ()


def test_each_variants_manifest_belongs_to_a_service() -> None:
    found = {path.relative_to(FOLDER) for path in FOLDER.glob("*/*/Capstanfile.*")}
    assert found == {Path(service_manifest(service)) for service in SERVICES if "." in service}


def test_the_filter_is_what_ansible_loads() -> None:
    assert FilterModule().filters()["service_manifest"]("bubble_sort-python") == "bubble_sort/python"
    assert service_manifest("todos-go.shared") == "todos/go/Capstanfile.shared"
