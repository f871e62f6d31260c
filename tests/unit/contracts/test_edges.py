"""Contracts at their edges: names that no arm has, images without a boot, files that others read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.arms import arm_named
from contracts.images.prebuilt import PrebuiltImage
from contracts.store.files import write_atomically


@pytest.mark.parametrize("name", ["nothing", "osv", "", "qemu"])
def test_a_name_that_no_arm_can_have_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        arm_named(name)


def test_a_name_of_a_prebuilt_unikernel_is_an_arm() -> None:
    assert (arm_named("mirage-qemu").runtime, arm_named("mirage-qemu-again").name) == (
        "prebuilt",
        "mirage-qemu",
    )


@pytest.mark.parametrize("given", [{}, {"port": 80}, {"initrd": "/i"}])
def test_an_image_without_kernel_and_disk_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="give a kernel or a disk"):
        PrebuiltImage.model_validate(given)


@pytest.mark.parametrize("given", [{"disk": "/d"}, {"kernel": "/k"}, {"kernel": "/k", "disk": "/d"}])
def test_a_kernel_or_a_disk_is_enough(given: dict[str, object]) -> None:
    assert PrebuiltImage.model_validate(given).port == 8080


def test_a_record_can_be_read_by_everyone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a/record.json", "{}")
    assert (tmp_path / "a/record.json").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["record.json"]
