"""The page's sections and figures: one registration each, and nothing that only known names can pass."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from campaigns import make_study, write_campaign
from jinja2 import Environment, PackageLoader, meta

from analysis.__main__ import main
from analysis.page.figures import FIGURES
from analysis.page.sections import SECTIONS
from contracts.platforms import PLATFORMS, Look, Platform, PlatformArm
from contracts.workload import SERVICES, WORKLOADS, Workload

TEMPLATES = Path(__file__).resolve().parents[4] / "analysis" / "page" / "templates" / "sections"


def source(section: str) -> str:
    return (TEMPLATES / f"{section}.html.j2").read_text(encoding="utf-8")


def test_every_section_has_a_template_of_its_name() -> None:
    assert {f"{section.id}.html.j2" for section in SECTIONS} == {path.name for path in TEMPLATES.iterdir()}
    assert len({section.id for section in SECTIONS}) == len(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.id)
def test_a_template_uses_the_fields_of_its_section(section: type) -> None:
    parsed = Environment(loader=PackageLoader("analysis.page")).parse(source(section.id))
    used = meta.find_undeclared_variables(parsed)
    assert used - {"figures", "trials_file"} == {field.name for field in fields(section)}


def test_every_figure_is_placed_once() -> None:
    placed = [name for section in SECTIONS for name in re.findall(r"figures\.(\w+)", source(section.id))]
    assert sorted(placed) == sorted(figure.name for figure in FIGURES)


def test_another_language_arm_and_workload_make_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contracts.study.SERVICES", (*SERVICES, "todos-zig", "shop-go"))
    monkeypatch.setitem(WORKLOADS, "shop", Workload("shop"))
    look = Look("#123456", "#abcdef", "p", "-")
    arms = (PlatformArm("wasm-box", "wasm", look), PlatformArm("osv-box", "osv", look))
    platform = Platform("box", "Box", "boxes", True, {}, (), lambda _: "kvm", arms)
    monkeypatch.setitem(PLATFORMS, "box", platform)
    monkeypatch.setattr("campaigns.SERVICE_RATE", {"todos-zig": 700.0, "shop-go": 90.0, "todos-go": 640.0})
    runtimes = ("_BOOT_S", "_IMAGE_EXTRA_MIB")
    for table in runtimes:
        monkeypatch.setitem(getattr(__import__("campaigns"), table), "wasm", 1.0)
    monkeypatch.setitem(__import__("campaigns")._MEMORY_KIND, "wasm", "linear_memory")
    monkeypatch.setitem(__import__("campaigns")._IMAGE_MIB, "zig", 3.0)
    load = {name: {"users": 40, "warm_up_s": 3, "duration_s": 10} for name in ("todos", "shop")}
    study = make_study(
        services=["todos-go", "todos-zig", "shop-go"],
        arms=["docker", "osv-qemu", "wasm-box", "osv-box"],
        threads=[1, 4],
        boots=2,
        load=load,
    )
    factors = {"docker": 1.0, "osv-qemu": 1.2, "wasm-box": 0.8, "osv-box": 1.3}
    write_campaign(tmp_path / "c", study, arm_factor=factors)
    assert main(["report", str(tmp_path / "c")]) == 0
    page = (tmp_path / "c" / "report.html").read_text(encoding="utf-8")
    assert "the service in the runtime wasm, run by Box" in page
    assert "todos-zig" in page and "shop-go" in page
