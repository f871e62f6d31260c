"""A server that runs guests: their instructions are counted apart from the server's own."""

from __future__ import annotations

from contracts.work.counted import WorkCounts, WorkLayers, WorkPerRequest
from contracts.work.series import work_counts

COUNTS = {
    "application": 10,
    "kernel": 200,
    "idle": 0,
    "unclassified": 0,
    "nested_entries": 3,
    "guest_kernel": 4000,
    "guest_application": 50_000,
}


def counts(has_guests: bool, **changed: int) -> WorkCounts:
    values = COUNTS | changed
    return work_counts(tuple(values), tuple(values.values()), has_idle_loop=False, has_guests=has_guests)


def test_guests_are_part_of_the_total_and_no_part_of_the_server() -> None:
    found = counts(has_guests=True)
    assert found.instructions == 54_210
    assert (found.kernel, found.application) == (200, 10)
    assert (found.guest_kernel, found.guest_application, found.nested_entries) == (4000, 50_000, 3)


def test_a_machine_whose_guests_are_not_counted_apart_has_no_counts_of_them() -> None:
    found = counts(has_guests=False, guest_kernel=0, guest_application=0)
    assert found.guest_kernel is None and found.guest_application is None


def test_layers_of_a_guest_are_its_application_its_kernel_and_the_host() -> None:
    per_request = WorkPerRequest(
        instructions=100.0, application=2.0, kernel=28.0, guest_kernel=20.0, guest_application=50.0
    )
    assert per_request.layers == WorkLayers(application=50.0, kernel=20.0, host=30.0)


def test_layers_of_a_container_on_the_server_have_no_host_below_its_kernel() -> None:
    per_request = WorkPerRequest(
        instructions=90.0, application=60.0, kernel=30.0, guest_kernel=0.0, guest_application=0.0
    )
    assert per_request.layers == WorkLayers(application=60.0, kernel=30.0, host=0.0)


def test_without_a_split_there_are_no_layers() -> None:
    assert WorkPerRequest(instructions=90.0).layers is None
