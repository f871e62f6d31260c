"""Implementations and descriptions are of the same platforms."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.base import GivenOutput, Instance, LocalHost
from ansible.module_utils.unilab.platforms.registry import IMPLEMENTATIONS, OPTIONS
from ansible.module_utils.unilab.platforms.xenserver import platform as xenserver_platform
from ansible.module_utils.unilab.units import MIB

from contracts.platforms import PLATFORMS
from contracts.units import MIB as MIB_OF_CONTRACTS

TASKS = Path(__file__).resolve().parents[4] / "roles/trial/tasks"


def test_every_described_platform_is_implemented() -> None:
    assert set(IMPLEMENTATIONS) == set(PLATFORMS)
    assert OPTIONS["platform"]["choices"] == list(PLATFORMS)


def test_described_caps_of_xenserver_are_those_that_are_read() -> None:
    described = {
        (resource, kind) for resource, kinds in PLATFORMS["xenserver"].caps.items() for kind in kinds
    }
    assert described == {(resource, kind) for resource, kind, _ in xenserver_platform._CAPS.values()}


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_has_its_tasks(name: str) -> None:
    assert {path.parent.name for path in TASKS.glob(f"*/{name}.yml")} == {"start", "stop", "clear"}


@pytest.mark.parametrize("name", [name for name, platform in PLATFORMS.items() if platform.is_guest])
def test_caps_of_guests_are_fixed(name: str) -> None:
    assert IMPLEMENTATIONS[name].changes_caps is False
    with pytest.raises(LabError, match="Remedy"):
        IMPLEMENTATIONS[name].set_caps(LocalHost(), Instance("instance"), 1, 64, "")


def test_local_host_reports_the_last_line_of_a_failure() -> None:
    assert LocalHost().shell("echo out; echo more >&2") == "out\n"
    with pytest.raises(LabError, match=r"failed \(3\): second"):
        LocalHost().shell("echo first >&2; echo second >&2; exit 3")


def test_given_output_answers_for_the_script() -> None:
    assert GivenOutput("printed").shell("anything") == "printed"
    with pytest.raises(OSError, match="only the output"):
        GivenOutput("printed").connect("/socket", 1)


def test_unit_of_memory_is_the_same_on_both_sides() -> None:
    assert MIB == MIB_OF_CONTRACTS == 1048576
