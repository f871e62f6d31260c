"""The page, the table and the status of synthetic campaigns, through the command line."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from campaigns import ARM_FACTOR, NO_LOADER, ended, make_study, write_campaign

from analysis.__main__ import main
from analysis.estimates.blocked import METHODS
from analysis.page.plots.style import colour, line_style, marker
from analysis.verdicts.claims import study_claims
from contracts.arms import known_arms
from contracts.trial import TrialRecord

VOID = {"meta", "br", "hr", "img", "input", "link"}
SMALL = make_study(services=["todos-go", "bubble_sort-go"], boots=3)
ONE = make_study(services=["bubble_sort-go"], boots=3)


@dataclass
class Page:
    """What a browser would see."""

    html: str
    text: str
    ids: list[str]
    links: list[str]
    tables: dict[str, list[list[str]]]
    figures: list[str]


@dataclass
class _Reader(HTMLParser):
    """Checks that tags balance, and gathers text, ids, links and tables by section."""

    open_tags: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)
    section: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open_tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "xlink:href", "src") if name in given]
        if tag == "section":
            self.section = given["id"]
        if tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.tables[self.section][-1].append("")
        if tag == "svg":
            self.figures.append(given["aria-label"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open_tags.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"style", "script"} & set(self.open_tags):
            return
        self.text.append(data)
        if {"td", "th"} & set(self.open_tags):
            self.tables[self.section][-1][-1] += data


def read_page(path: Path) -> Page:
    html = path.read_text(encoding="utf-8")
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open_tags == []
    text = " ".join(" ".join(reader.text).split())
    return Page(html, text, reader.ids, reader.links, reader.tables, reader.figures)


def report(directory: Path, **options: object) -> Page:
    study = options.pop("study", SMALL)
    write_campaign(directory / "c", study, **options)  # type: ignore[arg-type]
    assert main(["report", str(directory / "c")]) == 0
    return read_page(directory / "c" / "report.html")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return report(tmp_path_factory.mktemp("complete"))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Path]:
    """One boot of two arms with one and four threads: every figure of the study but the sorting."""
    directory = tmp_path_factory.mktemp("single")
    study = make_study(services=["todos-go"], arms=["docker", "osv-qemu"], threads=[1, 4], boots=1)
    return report(directory, study=study), directory / "c"


def test_page_stands_alone(complete: Page) -> None:
    assert complete.html.startswith("<!DOCTYPE html>")
    assert not re.search(r"@import|url\((?!#)|<script .*src|<link|<metadata|fetch\(|import\(", complete.html)
    assert len(complete.ids) == len(set(complete.ids))
    assert {link[1:] for link in complete.links if link.startswith("#")} <= set(complete.ids)
    assert not [link for link in complete.links if re.match(r"[a-z]+:|/", link)]


def test_page_is_the_same_for_the_same_records(single: tuple[Page, Path]) -> None:
    page, folder = single
    assert main(["report", str(folder)]) == 0
    assert read_page(folder / "report.html").html == page.html


def test_complete_campaign_says_so(complete: Page) -> None:
    assert "Complete: every planned trial has been run." in complete.text
    assert "18 of 18 planned" in complete.text
    assert "Times, rates and their ratios are those of the emulator" in complete.text
    assert "Of 4 primary comparisons: 4 different." in complete.text
    assert "Every trial that ran was completed and is valid." in complete.text
    assert "18 of 18 planned" in complete.text


def test_ratios_of_the_page_are_those_put_in(complete: Page) -> None:
    rows = [row for row in complete.tables["ratios"] if row[0] == "todos-go"][:3]
    for row in rows:
        other, base = row[1].split(" / ")
        low, high = map(float, row[5].split(" to "))
        # Of three boots; the page's figures are rounded.
        assert low * 0.98 < ARM_FACTOR[other] / ARM_FACTOR[base] < high * 1.02
        means = [float(text.replace(",", "")) for text in row[2].split(" / ")]
        assert means[0] / means[1] == pytest.approx(float(row[4]), rel=0.01)
        assert row[8:10] == ["+1.00", "higher"]


def test_latency_table_withholds_what_few_answers_cannot_bear(complete: Page) -> None:
    rows = {(row[0], row[1]): row for row in complete.tables["latency"][1:]}
    slow, fast = rows["bubble_sort-go", "docker"], rows["todos-go", "docker"]
    assert int(slow[3].replace(",", "")) < 2995 <= int(fast[3].replace(",", ""))
    assert slow[7] == "insufficient"
    assert float(fast[4]) == pytest.approx(40 / 640 * 1000 * 0.94, rel=0.06)
    values = [float(text) for text in fast[4:9]]
    assert values == sorted(values)
    assert float(fast[6]) <= float(fast[9]) <= values[-1]
    assert float(fast[7]) <= float(fast[10]) <= values[-1]


def test_all_figures_are_there_with_units_and_names(complete: Page) -> None:
    assert len(complete.figures) == 13
    for label in (
        "throughput (requests/s)",
        "response time (ms, log scale)",
        "memory (MiB)",
        "image size (MiB)",
    ):
        assert label in complete.text
    assert "boot time to the first right answer (s)" in complete.text
    assert "guest pages in use (touched), idle" in complete.text
    assert "container (docker stats), loaded" in complete.text


def test_ratios_of_memory_are_within_a_kind_or_of_the_kinds_that_are_comparable(complete: Page) -> None:
    summaries = re.findall(r"<summary>(Memory(?: that|:).*?)</summary>", complete.html)
    assert summaries == [
        "Memory that the instance occupies, idle",
        "Memory that the instance occupies, loaded",
        "Memory: guest pages in use (touched), idle",
        "Memory: guest pages in use (touched), loaded",
    ]
    assert "Two kinds are compared, as in the study" in complete.text


def test_provenance_is_complete(complete: Page) -> None:
    assert SMALL.sha256 in complete.text
    assert "python -m analysis report results/c" in complete.text
    assert "array_length: 2000" in complete.text
    assert ["qemu-host", "versions.qemu", "7.2.9"] in complete.tables["provenance"]


def test_arms_not_run_make_the_campaign_incomplete(tmp_path: Path) -> None:
    page = report(tmp_path, study=ONE, not_run=(NO_LOADER,))
    assert "Incomplete: 3 planned trials not run for want of osv-qemu." in page.text
    assert NO_LOADER.why in page.text
    assert NO_LOADER.remedy in page.text
    assert "Of 1 primary comparison: 1 different." in page.text
    assert "6 of 9 planned" in page.text
    assert ["osv-qemu", NO_LOADER.why, NO_LOADER.remedy] in page.tables["excluded"]


def test_partial_campaign(tmp_path: Path) -> None:
    page = report(tmp_path, study=ONE, finished=4)
    assert "Incomplete: 5 planned trials still to do." in page.text
    assert "insufficient" in page.text


def test_one_boot_gives_no_interval(single: tuple[Page, Path]) -> None:
    page, _ = single
    assert "Of 2 primary comparisons: 2 undecided." in page.text
    assert "An interval needs 2 valid boots of each arm, here are 1 and 1" in page.text
    assert {row[5] for row in page.tables["ratios"][1:3]} == {"insufficient"}


def test_all_failed(tmp_path: Path) -> None:
    page = report(tmp_path, edit=lambda record: ended(record, "failed", "the <image> could not be built"))
    assert page.figures == []
    assert "No two arms can be compared yet." in page.text
    assert "18 trials gave no valid measurement" in page.text
    assert [row[5] for row in page.tables["excluded"][1:]] == ["the <image> could not be built"] * 18


def test_empty_campaign(tmp_path: Path) -> None:
    page = report(tmp_path, finished=0)
    assert page.figures == []
    assert "Incomplete: 18 planned trials still to do." in page.text
    assert "No trial has been run yet." in page.text


def test_output_path_is_used_printed_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", SMALL, finished=0)
    wanted = tmp_path / "pages" / "today.html"
    assert main(["report", str(tmp_path / "c"), "--output", str(wanted)]) == 0
    assert capsys.readouterr().out == f"{wanted}\n"
    assert wanted.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (wanted.parent / "today-figures" / "trials.csv").is_file()
    assert main(["report", str(tmp_path / "c"), "--output", str(tmp_path)]) == 2
    assert "this is a folder" in capsys.readouterr().err


def test_table_has_one_row_per_trial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        return ended(record, "crashed", "exit 139") if record.id == "0004" else record

    write_campaign(tmp_path / "c", SMALL, edit=edit)
    assert main(["table", str(tmp_path / "c")]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["trial_id"] for row in rows] == [f"{number:04d}" for number in range(1, 19)]
    crashed, other = rows[3], rows[0]
    assert (crashed["end"], crashed["failed"], crashed["why_not"]) == ("crashed", "ended", "exit 139")
    assert crashed["throughput_per_s"] == ""
    assert other["failed"] == other["why_not"] == ""
    assert float(other["throughput_per_s"]) > 0
    assert float(other["p99.9_response_ms"]) > float(other["p50_response_ms"])
    assert {"memory_guest_touched_idle_bytes", "memory_docker_stats_loaded_bytes"} <= set(other)


def test_table_of_nothing_is_a_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", SMALL, finished=0)
    assert main(["table", str(tmp_path / "c")]) == 0
    assert capsys.readouterr().out.startswith("source,trial_id,block")


def test_status_tells_done_to_do_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        return ended(record, "hung", "silent") if record.block == 0 else record

    write_campaign(tmp_path / "c", SMALL, not_run=(NO_LOADER,), finished=9, edit=edit)
    assert main(["status", str(tmp_path / "c")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == ["done     9 of 18 trials (4 hung, 5 valid)", "to do    3", "not run  6"]
    assert NO_LOADER.remedy in lines[4]
    assert lines[-1].startswith("Incomplete: 3 planned trials still to do and 6 planned trials not run")


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["table"], ["compare"], ["claims"], ["report"], ["power"], ["status"]]
)
def test_help_has_examples(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*arguments, "--help"])
    assert exit_.value.code == 0
    assert "python -m analysis report  results/" in capsys.readouterr().out


def test_every_figure_is_a_picture_and_a_table(single: tuple[Page, Path]) -> None:
    page, campaign = single
    folder = campaign / "report-figures"
    names = sorted(path.stem for path in folder.glob("*.svg"))
    assert {f"figure{number}" for number in range(4, 11)} - {"figure5"} <= set(names)
    assert len(page.figures) == len(names)
    for name in names:
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
        rows = list(csv.reader((folder / f"{name}.csv").open(encoding="utf-8")))
        assert len(rows) > 1
        assert {f"report-figures/{name}.svg", f"report-figures/{name}.csv"} <= set(page.links)


def test_the_studys_values_stand_beside_ours(single: tuple[Page, Path]) -> None:
    path = single[1] / "report-figures" / "figure4.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    values = {(row["arm"], row["of"]): float(row["throughput (requests/s)"]) for row in rows}
    assert values["osv-qemu", "study"] == pytest.approx(1.38 * values["docker", "ours"])
    assert ("docker", "study") not in values


def test_the_page_is_light_and_dark_and_prints(complete: Page) -> None:
    style = complete.html[: complete.html.index("</style>")]
    assert style.count("@media screen and (prefers-color-scheme: dark)") == 2
    assert "@media print" in style
    assert "var(--arm-docker)" in complete.html
    assert "#0072b2" not in complete.html[complete.html.index("</style>") :].lower()


def test_verdicts_come_first(complete: Page) -> None:
    sections = re.findall(r'<section id="([\w-]+)">', complete.html)
    assert sections[:4] == ["answer", "outcome", "campaign", "claims"]
    assert {"study", "principles", "break-even", "provenance"} <= set(sections)


def test_claims_are_answered_on_the_page(complete: Page) -> None:
    rows = {row[0]: row for row in complete.tables["claims"]}
    # The synthetic campaign ran on QEMU; the study's ratio is one of XenServer.
    assert rows["C035"][3] == "not measured"
    assert "elsewhere: todos-go osv-qemu / docker, on QEMU 1." in rows["C035"][4]
    assert rows["C035"][5].startswith("not measured: not measured on XenServer")
    assert rows["C044"][3] == "not measured"
    assert rows["C082"][2] == "the same as C035"
    assert rows["C027"][2:4] == ["same", "40"]
    assert rows["M-remote-go-1"][3] == "inconclusive"
    assert len([name for name in rows if re.fullmatch(r"C\d+", name)]) == len(study_claims())
    assert len([name for name in rows if re.fullmatch(r"I\d+", name)]) == 26
    assert re.search(r"Of \d+ claims that this laboratory can answer: .*Not among them: ", complete.text)


def test_compare_prints_what_the_page_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", SMALL)
    assert main(["compare", str(tmp_path / "c"), "--metric", "throughput"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 6
    for row in rows:
        truth = ARM_FACTOR[row["arm"]] / ARM_FACTOR[row["base"]]
        assert float(row["low"]) * 0.98 < truth < float(row["high"]) * 1.02
        assert row["method"] in METHODS
    assert main(["compare", str(tmp_path / "c"), "--metric", "speed"]) == 2
    assert "key speed: no such metric. Remedy: one of throughput" in capsys.readouterr().err


def test_power_plans_from_a_pilot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", make_study(services=["bubble_sort-go"], boots=6), between_boots=0.02)
    assert main(["power", str(tmp_path / "c"), "--half-width", "0.1", "--half-width", "0.03"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Throughput: ")
    assert lines[2].split() == ["service", "10", "%", "3", "%", "now"]
    service, few, few_upper, many, many_upper, now, _ = lines[3].split()
    assert service == "bubble_sort-go"
    assert 2 <= int(few) <= 3
    assert int(few) < int(many) <= 12
    assert int(few_upper.strip("()")) >= int(few) and int(many_upper.strip("()")) > int(many)
    assert 1 < float(now) < 5


def test_power_needs_a_pilot_with_two_boots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", make_study(services=["bubble_sort-go"], boots=1))
    assert main(["power", str(tmp_path / "c")]) == 2
    assert "no two comparable cells have two boots that count" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["seconds", "footprints", "percentiles"])
def test_other_tables_are_tidy(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write_campaign(tmp_path / "c", make_study(services=["bubble_sort-go"], boots=1))
    assert main(["table", str(tmp_path / "c"), "--of", name]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    per_trial = {"seconds": 13, "footprints": 2, "percentiles": 5}[name]
    assert len(rows) == 3 * per_trial
    assert {row["trial_id"] for row in rows} == {"0001", "0002", "0003"}


def test_every_arm_has_a_look_of_its_own() -> None:
    for look in (colour, marker, line_style):
        assert len({str(look(arm)) for arm in known_arms()}) == len(known_arms())
