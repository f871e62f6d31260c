"""The registry of platforms: a new one is accepted by plan, record and report without a change elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import campaigns
import pytest
from campaigns import make_study, write_campaign

from analysis.__main__ import main
from analysis.page import wording
from analysis.page.plots import style
from contracts.arms import arm_named, known_arms
from contracts.availability import arms_not_run
from contracts.campaign import read_campaign, read_records
from contracts.errors import InputError
from contracts.outcome import record_of
from contracts.platforms import PLATFORMS, Look, Platform, PlatformArm, processor_of_host, register
from contracts.study import load_study

NULL = Platform(
    name="null",
    label="Null",
    host_group="null_hosts",
    is_guest=True,
    caps={"cpu": ("vcpus",), "memory": ("allocation",)},
    memory_kinds=("allocation",),
    accelerator=lambda facts: facts.get("null_accelerator", "none"),
    arms=(PlatformArm("linux-null", "linux", Look("#112233", "#aabbcc", "8", ":")),),
)


@pytest.fixture
def null() -> Iterator[Platform]:
    yield register(NULL)
    del PLATFORMS["null"]


def test_study_with_unknown_arm_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yml"
    path.write_text(make_study().model_dump_json().replace("linux-qemu", "linux-null"))
    with pytest.raises(InputError, match="unknown arm 'linux-null'"):
        load_study(path)


def test_registered_platform_is_planned(null: Platform, tmp_path: Path) -> None:
    path = tmp_path / "study.yml"
    path.write_text(make_study().model_dump_json().replace("linux-qemu", "linux-null"))
    study = load_study(path)
    assert {cell.arm for cell in study.cells()} == {"docker", "linux-null", "osv-qemu"}
    arm = arm_named("linux-null")
    assert (arm.runtime, arm.platform, arm.host_group) == ("linux", "null", "null_hosts")
    (missing,) = arms_not_run(study, {"docker_hosts": ["a"], "qemu_hosts": ["b"]}, "loader")
    assert missing.arm == "linux-null" and "null_hosts" in missing.why


def test_registered_platform_is_recorded_and_reported(
    null: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table, value in (
        (campaigns._BOOT_S, 2.0),
        (campaigns._IMAGE_EXTRA_MIB, 0.0),
        (campaigns._MEMORY_KIND, "allocation"),
    ):
        monkeypatch.setitem(table, "linux-null", value)  # type: ignore[arg-type]
    study = make_study(services=["todos-go"], arms=["docker", "linux-null", "osv-qemu"], boots=3)
    folder = tmp_path / "campaign"
    write_campaign(folder, study, arm_factor={"docker": 1.0, "linux-null": 1.4, "osv-qemu": 1.9})
    records = [record for record in read_records(folder) if record.cell.arm == "linux-null"]
    assert len(records) == 3 and {record.end.state for record in records} == {"completed"}
    assert main(["report", str(folder), "--output", str(folder / "report.html")]) == 0
    html = (folder / "report.html").read_text()
    assert "a Linux guest with the service as its only program, the control arm, run by Null" in html
    assert "--arm-linux-null: #112233" in html and "--arm-linux-null: #aabbcc" in html
    assert read_campaign(folder).study == study


def test_record_of_registered_platform(null: Platform) -> None:
    facts = {
        "campaign": "c",
        "study": {"name": "s", "sha256": "0" * 64, "seed": 1},
        "id": "0001",
        "block": 0,
        "position": 0,
        "cell": {"service": "todos-go", "arm": "linux-null", "threads": 1, "cpus": 1.0, "memory_mib": 64},
        "started_at": "2026-01-02T03:04:05Z",
        "ended_at": "2026-01-02T03:04:25Z",
        "nonce": "abc",
        "instance": None,
        "provenance": {},
    }
    record = record_of(facts, {})
    assert record.cell.arm == "linux-null" and record.end.state == "failed"


def test_looks_of_registered_arms_are_distinct(null: Platform) -> None:
    assert "linux-null" in known_arms()
    for look in (style.colour, style.marker, style.line_style):
        looks = [str(look(arm)) for arm in known_arms() if arm != "linux-null"]
        assert len(set(looks)) == len(looks)
    assert (style.colour("linux-null"), style.marker("linux-null")) == ("#112233", "8")
    assert wording.arm("linux-null").endswith(", run by Null")


@pytest.mark.parametrize(
    ("name", "arm"), [("docker", "linux-other"), ("other", "osv-qemu"), ("null", "linux-other")]
)
def test_name_that_is_taken_is_refused(null: Platform, name: str, arm: str) -> None:
    again = Platform(
        **{**NULL.__dict__, "name": name, "arms": (PlatformArm(arm, "linux", NULL.arms[0].look),)}
    )
    with pytest.raises(ValueError, match="registered already"):
        register(again)


@pytest.mark.parametrize(
    ("name", "facts", "accelerator"),
    [
        ("docker", {}, "none"),
        ("docker", {"host_facts": {"provenance": {"virtualization": "qemu"}}}, "none"),
        ("qemu", {"qemu_host_accelerator": {"accelerator": "kvm"}}, "kvm"),
        ("qemu", {}, "none"),
        ("xenserver", {"xenserver_host_found": {"accelerator": "xen"}}, "xen"),
        ("xenserver", {}, "none"),
    ],
)
def test_accelerator_from_facts(name: str, facts: dict[str, object], accelerator: str) -> None:
    assert PLATFORMS[name].accelerator(facts) == accelerator


@pytest.mark.parametrize(
    ("detected", "processor"),
    [("qemu", "tcg"), ("kvm", "kvm"), ("xen", "xen"), ("microsoft", "none"), ("systemd-nspawn", "none")],
)
def test_processor_of_host_from_what_was_detected(detected: str, processor: str) -> None:
    assert processor_of_host({"virtualization": detected}) == processor
    assert processor_of_host({}) == "none"
