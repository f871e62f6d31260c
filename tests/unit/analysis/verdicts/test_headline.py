"""The headline: which comparisons it holds, how they are decided, and what keeps them from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from campaigns import Edit, make_study, write_campaign

from analysis.checks.evidence import Evidence, evidence_of
from analysis.checks.steady_state import Steadiness
from analysis.estimates.comparisons import compare
from analysis.estimates.pairs import find_pairs
from analysis.records.metrics import METRICS
from analysis.records.results import read_results
from analysis.verdicts.headline import Decision, headline
from contracts.study import Study
from contracts.trial import TrialRecord


def decisions(
    directory: Path, study: Study, *, running: bool = False, **options: object
) -> tuple[list[Decision], Evidence]:
    write_campaign(directory / "c", study, **options)  # type: ignore[arg-type]
    evidence = evidence_of(read_results(directory / "c"))
    pairs, _ = find_pairs(evidence)
    comparisons = {metric.key: compare(evidence, pairs, metric) for metric in METRICS}
    return headline(study, evidence, comparisons, running=running), evidence


def outcomes(found: list[Decision]) -> dict[tuple[str, str], str]:
    return {
        (row.comparison.pair.other.cell.arm, row.comparison.pair.base.cell.arm): row.outcome for row in found
    }


ONE = make_study(services=["bubble_sort-go"], boots=6)


def test_every_arm_meets_the_first(tmp_path: Path) -> None:
    found, _ = decisions(tmp_path, ONE)
    assert outcomes(found) == {("linux-qemu", "docker"): "different", ("osv-qemu", "docker"): "different"}
    assert {row.comparison.metric.key for row in found} == {"throughput"}


def test_the_study_names_metrics_and_the_arm_to_compare_with(tmp_path: Path) -> None:
    named = {"metrics": ["throughput", "first_answer"], "against": "linux-qemu"}
    study = make_study(services=["bubble_sort-go"], boots=6, headline=named)
    assert study.sha256 != ONE.sha256
    found, _ = decisions(tmp_path, study)
    assert [row.comparison.metric.key for row in found] == ["throughput"] * 2 + ["first_answer"] * 2
    assert set(outcomes(found)) == {("docker", "linux-qemu"), ("osv-qemu", "linux-qemu")}
    ratio = found[0].comparison.interval
    assert found[0].comparison.pair.other.cell.arm == "docker"
    assert ratio.low < 1 / 1.45 < ratio.high


def test_the_control_is_what_arms_are_compared_with(tmp_path: Path) -> None:
    assert make_study(control="osv-qemu").headline_against == "osv-qemu"
    with pytest.raises(ValueError, match=r"headline\.against 'osv-xenserver' is not one of arms"):
        make_study(headline={"against": "osv-xenserver"})


def test_equal_arms_are_the_same_or_undecided(tmp_path: Path) -> None:
    equal = dict.fromkeys(("docker", "linux-qemu", "osv-qemu"), 1.0)
    quiet, _ = decisions(tmp_path / "quiet", ONE, arm_factor=equal, between_boots=0.005)
    assert {row.outcome for row in quiet} == {"same"}
    assert all(0 < row.margin < 0.03 for row in quiet)
    noisy, _ = decisions(tmp_path / "noisy", ONE, arm_factor=equal, between_boots=0.05)
    assert {row.outcome for row in noisy} == {"undecided"}
    assert all(row.boots and row.boots > 6 for row in noisy)


def test_nothing_is_decided_while_boots_are_to_come(tmp_path: Path) -> None:
    found, _ = decisions(tmp_path, ONE, running=True)
    assert {row.outcome for row in found} == {"still running"}


def java(rise: dict[str, float]) -> Edit:
    """Cold Java: the record holds the mean of a window in which throughput still rises."""

    def edit(record: TrialRecord) -> TrialRecord:
        if record.load is None:
            return record
        rate = record.load.throughput_per_s * rise[record.cell.arm]
        changed = {"throughput_per_s": rate, "mean_response_ms": record.load.users / rate * 1000}
        return record.model_copy(update={"load": record.load.model_copy(update=changed)})

    return edit


@pytest.mark.parametrize(("window_s", "why"), [(4, "too short to judge"), (20, "rising")])
def test_cold_java_decides_nothing(tmp_path: Path, window_s: float, why: str) -> None:
    """Fault script: the cold ratio is 1.23 in every boot, the warm one 0.49."""
    load = {"users": 40, "warm_up_s": 1, "duration_s": window_s}
    study = make_study(services=["todos-java"], arms=["docker", "osv-qemu"], boots=10, load={"todos": load})
    curve = (lambda second: 0.2 + 0.04 * second) if window_s > 10 else (lambda _: 1.0)
    found, evidence = decisions(
        tmp_path,
        study,
        arm_factor={"docker": 1.0, "osv-qemu": 1.23},
        between_boots=0.005,
        speed=curve,
    )
    (row,) = found
    assert row.comparison.interval.low > 1.15
    assert row.outcome == "undecided"
    assert why in row.why
    blamed = {finding.subject for finding in evidence.findings if finding.check == "steady"}
    assert {f"trial {number:04d}" for number in range(1, 21)} <= blamed


def test_an_undecided_window_decides_only_what_its_seconds_cannot_undo(tmp_path: Path) -> None:
    """Its seconds leave a change of 6 % open, so a bias of 3 % for each arm: 90 % is decided, 4 % is not."""
    factors = {"docker": 1.0, "linux-qemu": 1.04, "osv-qemu": 1.9}
    found, evidence = decisions(tmp_path, ONE, arm_factor=factors, between_boots=0.002)
    assert outcomes(found) == {("linux-qemu", "docker"): "different", ("osv-qemu", "docker"): "different"}
    unclear = Steadiness("undecided", 0.0, -0.06, 0.06, 0.03, 9)
    doubted = replace(evidence, steadiness_of_cells=dict.fromkeys(evidence.steadiness_of_cells, unclear))
    comparisons = {"throughput": [row.comparison for row in found]}
    again = headline(ONE, doubted, comparisons, running=False)
    assert outcomes(again) == {("linux-qemu", "docker"): "undecided", ("osv-qemu", "docker"): "different"}
    assert "whether the window is steady is undecided" in again[0].why
