"""The page shows counted work as bars, says where differences come from, and brackets what is not counted."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from counted_campaigns import APPLICATION, KERNEL, campaign, counted

from analysis.__main__ import main
from analysis.notebook import Campaign
from analysis.page.facts import PageFacts
from analysis.page.figures.work import FIGURE
from analysis.page.sections.measurements import Work


def section(folder: Path) -> tuple[object, ...]:
    source = Campaign(folder).source
    facts = PageFacts(source.results, source.evidence)
    content = Work.of(facts)
    return FIGURE.sketch(facts), content.work_difference, content.work_bracket


def test_each_arm_is_a_bar_of_application_and_kernel(tmp_path: Path) -> None:
    figure, _, _ = section(campaign(tmp_path / "a", counted()))
    rows = figure.data.filter(pl.col("arm") == "osv-qemu")  # type: ignore[attr-defined]
    drawn = dict(zip(rows["part"], rows["thousand instructions per request"], strict=True))
    assert drawn["application"] == pytest.approx(APPLICATION / 1000, rel=0.002)
    assert drawn["kernel"] == pytest.approx(KERNEL["osv-qemu"] / 1000, rel=0.002)


def test_the_difference_is_split_by_count(tmp_path: Path) -> None:
    _, table, _ = section(campaign(tmp_path / "a", counted()))
    rows = [row for row in table.rows if row[1] == "osv-qemu / docker"]  # type: ignore[attr-defined]
    by_count = {row[2]: row for row in rows}
    assert by_count["Instructions of the kernel per request (thousand)"][5] == "-23.0"
    assert by_count["Instructions of the application per request (thousand)"][6] == "1.00"


def test_the_bracket_begins_at_the_ratio_and_follows_the_prices(tmp_path: Path) -> None:
    _, _, table = section(campaign(tmp_path / "a", counted()))
    row = next(row for row in table.rows if row[1] == "osv-qemu / docker")  # type: ignore[attr-defined]
    total, base = APPLICATION + KERNEL["osv-qemu"], APPLICATION + KERNEL["docker"]
    assert row[2] == f"{total / base:.2f}"
    # 3 system calls each, no exits counted.
    assert row[-1] == f"{(total + 3000) / (base + 3000):.2f}"


def test_the_page_has_the_section_with_and_without_counts(tmp_path: Path) -> None:
    for name, edit, shown in (
        ("a", counted(), "Where the difference comes from"),
        ("b", lambda record: record, "No instructions were counted"),
    ):
        folder = campaign(tmp_path / name, edit)
        assert main(["report", str(folder)]) == 0
        assert shown in (folder / "report.html").read_text()
