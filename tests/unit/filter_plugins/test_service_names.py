"""Services and their variants: what they are called, and where their manifests lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.manifest import load_manifest
from contracts.workload import LANGUAGES, SERVICES, VARIANTS, WORKLOADS, split_service
from filter_plugins.project.manifests import FilterModule, service_manifest

FOLDER = Path(__file__).resolve().parents[3] / "services"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_manifest_without_notices(service: str) -> None:
    workload, language = split_service(service)
    assert (workload in WORKLOADS, language in LANGUAGES) == (True, True)
    manifest = load_manifest(FOLDER / service_manifest(service))
    assert manifest.folder == FOLDER / workload / language
    assert manifest.notices == ()
    assert manifest.build.startswith("make")


def test_variants_are_services_of_their_language() -> None:
    plain = {service for service in SERVICES if "." not in service}
    assert len(plain) == len(WORKLOADS) * len(LANGUAGES)
    assert split_service("bubble_sort-go.static") == ("bubble_sort", "go")
    assert {service.partition(".")[2] for service in set(SERVICES) - plain} == set(VARIANTS["go"])


def test_each_variants_manifest_belongs_to_a_service() -> None:
    found = {path.relative_to(FOLDER) for path in FOLDER.glob("*/*/Capstanfile.*")}
    assert found == {Path(service_manifest(service)) for service in SERVICES if "." in service}


def test_the_filter_is_what_ansible_loads() -> None:
    assert FilterModule().filters()["service_manifest"]("bubble_sort-python") == "bubble_sort/python"
    assert service_manifest("todos-go.shared") == "todos/go/Capstanfile.shared"
