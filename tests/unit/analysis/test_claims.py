"""Claims: all are there, the maintainer's runs give his figures, and verdicts follow from intervals alone."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import polars as pl
import pytest
from campaigns import ended, make_study, write_campaign

from analysis import reference
from analysis.__main__ import main
from analysis.checks.evidence import evidence_of
from analysis.estimates.comparisons import compare
from analysis.estimates.pairs import find_pairs
from analysis.records.metrics import METRICS, THROUGHPUT
from analysis.records.results import read_results
from analysis.verdicts.answers import all_claims
from analysis.verdicts.claims import MAINTAINER, STUDY, Claim, repetition_claims, study_claims, study_value
from analysis.verdicts.judge import Answer, Result, answer, judge_results
from analysis.verdicts.repetition import repetition, repetitions
from contracts.trial import TrialRecord

BY_ID = {claim.id: claim for claim in all_claims()}


def answers(client: str) -> dict[str, Answer]:
    return {row.claim.id: row for row in answer(study_claims(), repetition(client))}


def test_every_claim_is_a_row() -> None:
    assert [claim.id for claim in study_claims()] == [f"C{number:03d}" for number in range(1, 85)]
    assert len(reference.read("paper_inconsistencies")) == 26
    assert len(BY_ID) == len(all_claims())
    assert {claim.said_by for claim in all_claims()} == {STUDY, MAINTAINER}


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_a_claim_is_measured_within_a_tolerance_or_says_why_not(claim: Claim) -> None:
    if claim.measure in ("setup", "absolute", "none"):
        assert claim.note
        assert math.isnan(claim.low)
        return
    assert claim.low < claim.high
    assert claim.tolerance
    assert claim.metric in {*(metric.key for metric in METRICS), "memory", "crashes"}
    assert (claim.measure == "scaling") == (claim.threads_base is not None)
    if claim.measure in ("ratio", "scaling") and claim.value is not None and "bound" not in claim.tolerance:
        assert claim.low <= claim.value <= claim.high


def test_the_174_runs_are_all_loaded() -> None:
    assert [evidence.trials.height for evidence in repetitions()] == [54, 120]
    assert all(evidence.excluded.height == 0 for evidence in repetitions())


@pytest.mark.parametrize(
    ("claim", "ratio"),
    [
        ("M-remote-go-1", 0.97),
        ("M-remote-go-2", 0.73),
        ("M-remote-go-4", 0.81),
        ("M-host-java-1", 1.26),
        ("M-host-java-2", 1.51),
        ("M-host-java-4", 1.06),
        ("M-remote-java-1", 0.99),
        ("M-host-go-1", 1.04),
    ],
)
def test_the_maintainers_ratios_of_medians(claim: str, ratio: float) -> None:
    assert BY_ID[claim].value == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(
    ("service", "arm", "median"),
    [("todos-go", "docker", 53033), ("todos-java", "docker", 51409), ("todos-rust", "docker", 53892)],
)
def test_the_maintainers_medians(service: str, arm: str, median: float) -> None:
    cells = {(row.cell.service, row.cell.arm, row.cell.threads): row for row in repetition("remote").cells}
    assert cells[service, arm, 4].trials["throughput_per_s"].median() == pytest.approx(median, abs=1)


def test_his_runs_pass_through_our_comparison() -> None:
    evidence = repetition("remote")
    pairs, refusals = find_pairs(evidence)
    found = {
        (row.pair.other.cell.arm, row.pair.base.cell.threads): row.interval
        for row in compare(evidence, pairs, THROUGHPUT)
        if row.pair.base.cell.service == "todos-go" and row.pair.base.cell.arm == "docker"
    }
    assert found["osv-qemu", 2].high < 1
    assert found["osv-qemu", 1].low < 0.97 < found["osv-qemu", 1].high
    assert all("was not planned" in row.reason for row in refusals)


def test_which_claims_he_contradicts() -> None:
    remote, host = answers("remote"), answers("host")
    contradicted = {
        client: {name for name, row in rows.items() if row.verdict == "contradicted"}
        for client, rows in (("remote", remote), ("host", host))
    }
    # The headline for Go falls on both sides, that for Java only with the client on another machine.
    assert {"C035", "C082"} <= contradicted["remote"] & contradicted["host"]
    assert {"C036", "C081"} <= contradicted["remote"]
    assert not {"C036", "C081"} & contradicted["host"]
    # Multi-core OSv scales up for Go, where the study saw it fall.
    assert "C047" in contradicted["host"]
    assert all(result.low > 1 for result in host["C047"].results)
    assert host["C038"].verdict == "not measured"


def test_a_flat_ceiling_answers_nothing() -> None:
    (flat,) = [
        row for row in repetition("remote").findings if row.check == "flat" and "docker, 4" in row.subject
    ]
    assert len(flat.slugs) >= 3
    verdict = answers("remote")["C048"]
    assert verdict.verdict == "inconclusive"
    assert "ceiling" in verdict.why


def result(low: float, high: float) -> Result:
    return Result("x", (low + high) / 2, low, high)


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], "not measured"),
        ([result(1.33, 1.42)], "reproduced"),
        ([result(1.33, 1.42), result(1.35, 1.40)], "reproduced"),
        ([result(1.50, 1.60)], "contradicted"),
        ([result(1.00, 1.30)], "contradicted"),
        ([result(1.33, 1.42), result(0.9, 1.1)], "contradicted"),
        ([result(1.20, 1.40)], "inconclusive"),
        ([result(1.20, 1.60)], "inconclusive"),
        ([result(0, math.inf)], "inconclusive"),
        ([result(1.33, 1.42), result(1.2, 1.4)], "inconclusive"),
    ],
)
def test_verdicts_follow_from_intervals(results: list[Result], verdict: str) -> None:
    assert judge_results(BY_ID["C035"], results)[0] == verdict


@pytest.mark.parametrize(("claim", "value"), [("C035", 1.38), ("C048", 4), ("C071", 2), ("C046", 0.97)])
def test_the_studys_values(claim: str, value: float) -> None:
    assert study_value(claim) == value


def test_a_value_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="C077 gives no number"):
        study_value("C077")


FACTORS = {"docker": 1.0, "linux-qemu": 1.1, "osv-qemu": 1.38}


def test_our_campaign_answers(tmp_path: Path) -> None:
    study = make_study(services=["todos-go", "todos-java", "bubble_sort-go"], threads=[1, 4], boots=4)
    write_campaign(tmp_path / "c", study, arm_factor=FACTORS, between_boots=0.004)
    evidence = evidence_of(read_results(tmp_path / "c"))
    found = {row.claim.id: row for row in answer(all_claims(), evidence)}
    assert found["C035"].verdict == "reproduced"
    assert found["C036"].verdict == "contradicted"
    assert found["C045"].verdict == found["C047"].verdict == "contradicted"
    assert [row.value for row in found["C047"].results] == pytest.approx([1.0], abs=0.02)
    assert found["C043"].verdict == "not measured"
    assert found["C001"].verdict == "not measured"
    assert found["C071"].verdict in ("reproduced", "inconclusive")
    assert found["C074"].results[0].of == "todos-go osv-qemu / docker"
    assert found["M-remote-go-1"].verdict == "contradicted"
    assert found["M-remote-node-1"].verdict == "not measured"
    assert found["M-host-go-2"].verdict == "not measured"


@pytest.mark.parametrize(("array_length", "verdict"), [(2000, "not measured"), (20_000, "contradicted")])
def test_a_shorter_sort_answers_nothing(tmp_path: Path, array_length: int, verdict: str) -> None:
    study = make_study(services=["bubble_sort-java"], array_length=array_length, boots=3)
    write_campaign(tmp_path / "c", study)
    found = {row.claim.id: row for row in answer(study_claims(), evidence_of(read_results(tmp_path / "c")))}
    # Twice as fast in the unikernel, where the study saw no difference.
    assert found["C043"].verdict == verdict
    assert found["C043"].why == (
        "on an emulated CPU" if found["C043"].results else "no comparable cells measure it here"
    )


def test_a_claim_is_about_the_build_that_bears_the_services_name(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        return ended(record, "crashed", "exit 139") if record.id in ("0001", "0002") else record

    study = make_study(services=["todos-go", "todos-go.static"], threads=[1, 4], boots=4)
    write_campaign(tmp_path / "c", study, arm_factor=FACTORS, edit=edit)
    evidence = evidence_of(read_results(tmp_path / "c"))
    assert {row.cell.service for row in evidence.cells} == {"todos-go", "todos-go.static"}
    found = {row.claim.id: row for row in answer(all_claims(), evidence)}
    builds = {result.of.split()[0] for row in found.values() for result in row.results}
    assert builds == {"todos-go"}
    for claim in ("C035", "C047", "C048"):
        assert len(found[claim].results) == 1
    assert main(["report", str(tmp_path / "c")]) == 0
    folder = tmp_path / "c" / "report-figures"
    assert "todos-go.static" not in (folder / "figure4.csv").read_text(encoding="utf-8")
    assert "todos-go.static" in (folder / "throughput.csv").read_text(encoding="utf-8")


def test_an_image_that_stops_answering_counts_whatever_it_died_of(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        state = {0: "hung", 1: "crashed"}.get(record.block)
        return ended(record, state, "gone") if state and record.cell.arm == "osv-qemu" else record

    study = make_study(services=["todos-python"], threads=[4], boots=4)
    write_campaign(tmp_path / "c", study, edit=edit)
    evidence = evidence_of(read_results(tmp_path / "c"))
    (found,) = [row for row in answer(study_claims(), evidence) if row.claim.id == "C080"]
    (seen,) = found.results
    requests = evidence.trials.filter(pl.col("arm") == "osv-qemu")["requests"].sum()
    assert seen.value == pytest.approx(2e6 / requests)
    assert seen.low < seen.value < seen.high
    assert found.verdict == "contradicted"


def test_claims_are_printed_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", make_study(services=["todos-go"], boots=3), arm_factor=FACTORS)
    assert main(["claims", str(tmp_path / "c")]) == 0
    rows = {row["claim"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert set(rows) == set(BY_ID)
    row = rows["C035"]
    assert float(row["low"]) < 1.38 < float(row["high"])
    assert float(row["tolerance_low"]) == 1.311


def test_without_a_campaign_the_repetition_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    verdicts = {(row["source"].rpartition(" ")[2], row["claim"]): row["verdict"] for row in rows}
    assert verdicts["remote", "C035"] == verdicts["host", "C035"] == "contradicted"


def test_repetition_claims_name_their_place() -> None:
    claims = repetition_claims(repetitions())
    assert {claim.id.split("-")[1] for claim in claims} == {"host", "remote"}
    assert {claim.measure for claim in claims} == {"ratio", "scaling"}
