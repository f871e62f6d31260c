"""Claims: all are there, the maintainer's runs give his figures, and verdicts follow from intervals alone."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from campaigns import Edit, ended, make_study, write_campaign

from analysis import reference
from analysis.__main__ import main
from analysis.checks.evidence import evidence_of
from analysis.estimates.comparisons import compare
from analysis.estimates.pairs import find_pairs
from analysis.estimates.ratio import ratio_of_means_interval
from analysis.page.claim_tables import outside_tolerance
from analysis.records.metrics import METRICS, THROUGHPUT
from analysis.records.results import read_results
from analysis.verdicts.claims import (
    MAINTAINER,
    NOT_MEASURED,
    STUDY,
    Claim,
    repetition_claims,
    study_claims,
    study_value,
)
from analysis.verdicts.conditions import compare_condition
from analysis.verdicts.judge import ClaimVerdict, judge_claims, judge_results
from analysis.verdicts.measures import Result
from analysis.verdicts.repetition import repetition, repetitions
from analysis.verdicts.sources import all_claims
from contracts.study import Study
from contracts.trial import TrialRecord

BY_ID = {claim.id: claim for claim in all_claims()}


def judged(client: str) -> dict[str, ClaimVerdict]:
    return {row.claim.id: row for row in judge_claims(study_claims(), repetition(client))}


def test_every_claim_is_a_row() -> None:
    assert [claim.id for claim in study_claims()] == [f"C{number:03d}" for number in range(1, 85)]
    assert len(reference.read("paper_inconsistencies")) == 26
    assert len(BY_ID) == len(all_claims())
    assert {claim.claimed_by for claim in all_claims()} == {STUDY, MAINTAINER}


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_a_claim_is_measured_within_a_tolerance_or_says_why_not(claim: Claim) -> None:
    if claim.same_as:
        assert BY_ID[claim.same_as].answerable or BY_ID[claim.same_as].conditions.platform == "virtualbox"
        assert not claim.answerable
        return
    if claim.measure in NOT_MEASURED:
        assert claim.note
        assert math.isnan(claim.low)
        return
    assert claim.low < claim.high < math.inf
    assert claim.tolerance
    assert claim.metric in {*(metric.key for metric in METRICS), "memory", "crashes"}
    assert (claim.measure == "scaling") == (claim.threads_base is not None)
    if claim.measure in ("ratio", "scaling", "builds") and claim.value is not None:
        assert claim.low <= claim.value <= claim.high


def test_what_the_study_repeats_is_counted_once() -> None:
    repeated = {claim.id: claim.same_as for claim in study_claims() if claim.same_as}
    assert {"C082": "C035", "C083": "C044"}.items() <= repeated.items()


@pytest.mark.parametrize(("claim", "ratio"), [("C038", 395 / 351), ("C057", 100 / 111), ("C059", 105 / 140)])
def test_absolute_values_of_python_become_ratios(claim: str, ratio: float) -> None:
    assert BY_ID[claim].value == pytest.approx(ratio, rel=1e-3)
    assert BY_ID[claim].measure == "ratio"


@pytest.mark.parametrize(
    ("claim", "value"), [("C073", 3.2), ("C073", 45), ("C072", 3), ("C071", 5), ("C041", 1), ("C043", 1)]
)
def test_bounds_and_small_differences_have_two_sides(claim: str, value: float) -> None:
    found = BY_ID[claim]
    assert not found.low <= value <= found.high


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


def test_the_maintainer_measured_on_another_platform() -> None:
    remote, host = judged("remote"), judged("host")
    assert {rows["C035"].verdict for rows in (remote, host)} == {"not measured"}
    assert remote["C035"].why == "not measured on XenServer, 256 MiB, 40 users"
    assert [row.elsewhere for row in remote["C035"].elsewhere] == ["on Firecracker", "on QEMU"]
    outside = {
        client: {text.partition(",")[0] for text in outside_tolerance(list(rows.values()))}
        for client, rows in (("remote", remote), ("host", host))
    }
    # The headline for Go is outside on both sides, that for Java only with the client on another machine.
    assert "C035" in outside["remote"] & outside["host"]
    assert "C036" in outside["remote"] - outside["host"]
    # Multi-core OSv scales up for Go, where the study saw it fall.
    assert "C047" in outside["host"]
    assert all(result.low > 1 for result in host["C047"].elsewhere)
    assert "C082" not in outside["remote"] | outside["host"]


def test_a_flat_ceiling_answers_nothing() -> None:
    (flat,) = [
        row for row in repetition("remote").findings if row.check == "flat" and "docker, 4" in row.subject
    ]
    assert len(flat.slugs) >= 3
    found = judged("remote")["C048"]
    assert found.verdict == "inconclusive"
    assert "ceiling" in found.why


def result(low: float, high: float, language: str = "go", **facts: object) -> Result:
    return Result("x", (low + high) / 2, low, high, language=language, **facts)  # type: ignore[arg-type]


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
        ([result(1.33, 1.42, emulated=True)], "inconclusive"),
        ([result(1.50, 1.60, emulated=True)], "inconclusive"),
        ([result(1.50, 1.60, doubt="too short")], "inconclusive"),
        ([result(1.33, 1.42, doubt="too short")], "inconclusive"),
    ],
)
def test_verdicts_follow_from_intervals(results: list[Result], verdict: str) -> None:
    assert judge_results(BY_ID["C035"], results)[0] == verdict


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([result(1.12, 1.2, "java")], "inconclusive"),
        ([result(1.12, 1.2, "java"), result(1.12, 1.2, "python")], "reproduced"),
        ([result(1.3, 1.4, "java")], "contradicted"),
        # At 5 % / 2 its interval reaches into the tolerance.
        ([result(1.22, 1.4, "java", outer=(1.2, 1.42))], "inconclusive"),
    ],
)
def test_a_claim_on_two_languages_needs_both(results: list[Result], verdict: str) -> None:
    assert judge_results(BY_ID["C081"], results)[0] == verdict


def test_languages_that_are_missing_are_named() -> None:
    _, why = judge_results(BY_ID["C081"], [result(1.12, 1.2, "java")])
    assert why == "it holds as far as measured; not measured for python"


def test_a_claim_at_the_edge_is_contradicted_in_one_case_of_twenty() -> None:
    """Three languages whose true ratio is the edge of the tolerance."""
    generator = np.random.default_rng(8)
    claim = replace(BY_ID["C084"], every_language=("go", "java", "python"))
    contradicted, campaigns = 0, 1500
    for _ in range(campaigns):
        rows = []
        for language in claim.every_language:
            other = np.exp(generator.normal(math.log(claim.high), 0.01, 6)).tolist()
            found = ratio_of_means_interval(other, np.exp(generator.normal(0, 0.01, 6)).tolist())
            rows.append(result(found.low, found.high, language, outer=found.ends(1 - 0.05 / 3)))
        contradicted += judge_results(claim, rows)[0] == "contradicted"
    assert contradicted / campaigns <= 0.05


@pytest.mark.parametrize(("claim", "value"), [("C035", 1.38), ("C048", 4), ("C071", 2), ("C046", 0.97)])
def test_the_studys_values(claim: str, value: float) -> None:
    assert study_value(claim) == value


def test_a_value_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="C077 gives no number"):
        study_value("C077")


FACTORS = {"docker": 1.0, "linux-qemu": 1.1, "osv-qemu": 1.0, "osv-xenserver": 1.38}
XEN = ["docker", "osv-xenserver"]


def on(accelerator: str) -> Edit:
    def edit(record: TrialRecord) -> TrialRecord:
        assert record.instance
        instance = record.instance.model_copy(update={"accelerator": accelerator})
        return record.model_copy(update={"instance": instance})

    return edit


def verdicts(
    directory: Path, study: Study, edit: Edit | None = None, **options: object
) -> dict[str, ClaimVerdict]:
    facts: dict[str, object] = {"arm_factor": FACTORS, "between_boots": 0.004} | options
    write_campaign(directory / "c", study, edit=edit or on("xen"), **facts)  # type: ignore[arg-type]
    return {
        row.claim.id: row for row in judge_claims(all_claims(), evidence_of(read_results(directory / "c")))
    }


def test_our_campaign_answers(tmp_path: Path) -> None:
    study = make_study(services=["todos-go", "todos-java"], arms=XEN, threads=[1, 4], boots=4)
    found = verdicts(tmp_path, study)
    assert found["C035"].verdict == "reproduced"
    assert found["C036"].verdict == "contradicted"
    assert found["C045"].verdict == found["C047"].verdict == "contradicted"
    assert [row.value for row in found["C047"].results] == pytest.approx([1.0], abs=0.02)
    assert found["C043"].verdict == "not measured"
    assert found["M-host-go-2"].verdict == "not measured"
    assert found["M-remote-go-1"].why == "not measured on QEMU"
    assert found["C074"].why == "not measured on VirtualBox, 256 MiB, memory read after one request"
    assert found["C074"].elsewhere[0].of == "todos-go osv-xenserver / docker"


def test_xenserver_answers_whatever_qemu_shows(tmp_path: Path) -> None:
    """Fault script: the claim is about XenServer, whose ratio is 1.38; QEMU's, 1.00, is shown beside."""
    study = make_study(services=["todos-go"], arms=["docker", "osv-qemu", "osv-xenserver"], boots=5)
    found = verdicts(tmp_path, study)["C035"]
    assert found.verdict == "reproduced"
    assert [row.of for row in found.results] == ["todos-go osv-xenserver / docker"]
    (elsewhere,) = found.elsewhere
    assert (elsewhere.of, elsewhere.elsewhere) == ("todos-go osv-qemu / docker", "on QEMU")
    assert elsewhere.value == pytest.approx(1, abs=0.02)


def test_qemu_alone_answers_nothing_about_xenserver(tmp_path: Path) -> None:
    study = make_study(services=["todos-go"], arms=["docker", "osv-qemu"], boots=5)
    found = verdicts(tmp_path, study)["C035"]
    assert (found.verdict, found.why) == ("not measured", "not measured on XenServer, 256 MiB, 40 users")
    assert found.elsewhere


def test_java_alone_does_not_reproduce_java_and_python(tmp_path: Path) -> None:
    """Fault script: a claim on two languages, of which one is measured."""
    factors = FACTORS | {"osv-xenserver": 1.16}
    alone = make_study(services=["todos-java"], arms=XEN, boots=5)
    found = verdicts(tmp_path / "java", alone, arm_factor=factors)
    assert found["C036"].verdict == "reproduced"
    assert found["C081"].verdict == "inconclusive"
    assert found["C081"].why == "it holds as far as measured; not measured for python"
    both = make_study(services=["todos-java", "todos-python"], arms=XEN, boots=5)
    assert verdicts(tmp_path / "both", both, arm_factor=factors)["C081"].verdict == "reproduced"


@pytest.mark.parametrize(
    ("changes", "elsewhere"),
    [
        ({"caps": [{"memory_mib": 512}]}, "512 MiB"),
        ({"load": {"todos": {"users": 4, "warm_up_s": 3, "duration_s": 10}}}, "4 users"),
    ],
)
def test_other_conditions_answer_nothing(tmp_path: Path, changes: dict[str, object], elsewhere: str) -> None:
    study = make_study(services=["todos-go"], arms=XEN, boots=5, **changes)
    found = verdicts(tmp_path, study)["C035"]
    assert found.verdict == "not measured"
    assert [row.elsewhere for row in found.elsewhere] == [elsewhere]


def test_cold_java_answers_no_claim(tmp_path: Path) -> None:
    """Fault script: windows of 4 s after 1 s."""
    load = {"todos": {"users": 40, "warm_up_s": 1, "duration_s": 4}}
    study = make_study(services=["todos-java"], arms=XEN, boots=10, load=load)
    found = verdicts(tmp_path, study, arm_factor=FACTORS | {"osv-xenserver": 1.16})["C036"]
    assert found.verdict == "inconclusive"
    assert "too short to judge" in found.why


def test_an_emulated_cpu_decides_no_ratio_of_time(tmp_path: Path) -> None:
    study = make_study(services=["todos-go", "todos-java"], arms=XEN, threads=[1, 4], boots=5)
    found = verdicts(tmp_path, study, on("tcg"))
    for claim in ("C035", "C036", "C045", "C047", "C055", "C056"):
        assert found[claim].verdict == "inconclusive"
        assert "on an emulated CPU" in found[claim].why
    assert found["C001"].verdict == "inconclusive"


@pytest.mark.parametrize(("array_length", "verdict"), [(2000, "not measured"), (20_000, "contradicted")])
def test_a_shorter_sort_answers_nothing(tmp_path: Path, array_length: int, verdict: str) -> None:
    load = {"bubble_sort": {"users": 1, "warm_up_s": 3, "duration_s": 10}}
    study = make_study(
        services=["bubble_sort-java"],
        arms=XEN,
        parameters={"bubble_sort": {"array_length": array_length}},
        boots=3,
        load=load,
    )
    found = verdicts(tmp_path, study)["C043"]
    # 1.38 times as fast in the unikernel, where the study saw a difference of 1 %.
    assert found.verdict == verdict
    assert [row.elsewhere for row in found.elsewhere] == (
        ["2000 numbers"] if verdict == "not measured" else []
    )


def test_a_claim_is_about_the_build_that_it_names(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        return ended(record, "crashed", "exit 139") if record.id in ("0001", "0002") else on("xen")(record)

    study = make_study(services=["todos-go", "todos-go.shared"], arms=XEN, threads=[1, 4], boots=4)
    found = verdicts(tmp_path, study, edit)
    for claim in ("C035", "C047", "C048"):
        assert [row.of.split()[0] for row in found[claim].results] == ["todos-go"]
    # The synthetic service answers alike whatever its build.
    assert [row.of for row in found["C037"].results] == ["todos-go / todos-go.shared osv-xenserver"]
    assert {row.of.split()[0] for row in found["C078"].results} == {"todos-go"}
    assert main(["report", str(tmp_path / "c")]) == 0
    folder = tmp_path / "c" / "report-figures"
    assert "todos-go.shared" not in (folder / "figure4.csv").read_text(encoding="utf-8")
    assert "todos-go.shared" in (folder / "throughput.csv").read_text(encoding="utf-8")


def test_conditions_of_the_study_are_the_same_or_different(tmp_path: Path) -> None:
    study = make_study(services=["todos-go"], arms=XEN, boots=3, caps=[{"memory_mib": 512}])
    write_campaign(tmp_path / "c", study, arm_factor=FACTORS)
    trials = evidence_of(read_results(tmp_path / "c")).valid
    found = {claim: compare_condition(BY_ID[claim], trials) for claim in ("C018", "C027", "C022", "C023")}
    assert {claim: (row.comparison, row.ours) for claim, row in found.items()} == {
        "C018": ("different", "512"),
        "C027": ("same", "40"),
        "C022": ("same", "1"),
        "C023": ("not recorded", ""),
    }


def test_an_image_that_stops_answering_counts_whatever_it_died_of(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        state = {0: "hung", 1: "crashed"}.get(record.block)
        return ended(record, state, "gone") if state and record.cell.arm == "osv-xenserver" else record

    study = make_study(services=["todos-python"], arms=XEN, threads=[4], boots=4)
    found = verdicts(tmp_path, study, edit)["C080"]
    evidence = evidence_of(read_results(tmp_path / "c"))
    (seen,) = found.results
    requests = evidence.trials.filter(pl.col("arm") == "osv-xenserver")["requests"].sum()
    assert seen.value == pytest.approx(2e6 / requests)
    assert seen.low < seen.value < seen.high
    assert found.verdict == "contradicted"


def test_claims_are_printed_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_campaign(tmp_path / "c", make_study(services=["todos-go"], boots=3), arm_factor=FACTORS)
    assert main(["claims", str(tmp_path / "c")]) == 0
    rows = {row["claim"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert set(rows) == set(BY_ID)
    row = rows["C035"]
    assert (row["verdict"], row["conditions"], row["answerable"]) == ("not measured", "on QEMU", "true")
    assert float(row["low"]) < 1 < float(row["high"])
    assert float(row["tolerance_low"]) == 1.311
    assert rows["C082"]["same_as"] == "C035"


def test_without_a_campaign_the_repetition_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    verdicts = {(row["source"].rpartition(" ")[2], row["claim"]): row["verdict"] for row in rows}
    assert verdicts["remote", "C035"] == verdicts["host", "C035"] == "not measured"


def test_repetition_claims_name_their_place() -> None:
    claims = repetition_claims(repetitions())
    assert {claim.id.split("-")[1] for claim in claims} == {"host", "remote"}
    assert {claim.measure for claim in claims} == {"ratio", "scaling"}
