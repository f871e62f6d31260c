"""Which trials count and which arms may meet, with the reasons where they may not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import ARM_FACTOR, NO_LOADER, Edit, ended, make_study, write_campaign

from analysis.compare import compare, find_pairs
from analysis.metrics import P99_RESPONSE, THROUGHPUT
from analysis.results import Results, read_results
from analysis.stability import stability
from contracts.errors import InputError
from contracts.study import Study
from contracts.trial import TrialRecord

ONE_SERVICE = make_study(services=["bubble_sort-go"], boots=4)


def campaign(directory: Path, study: Study = ONE_SERVICE, edit: Edit = lambda record: record) -> Results:
    write_campaign(directory / "c", study, edit=edit)
    return read_results(directory / "c")


def changing(arm: str, **parts: dict[str, object]) -> Edit:
    """An edit that replaces keys of parts of the records of ``arm``."""

    def edit(record: TrialRecord) -> TrialRecord:
        if record.cell.arm != arm:
            return record
        changed = {name: getattr(record, name).model_copy(update=keys) for name, keys in parts.items()}
        return record.model_copy(update=changed)

    return edit


def first_boot(edit: Edit) -> Edit:
    """``edit``, for the first block only."""
    return lambda record: edit(record) if record.block == 0 else record


def test_ratios_are_those_that_were_put_in(tmp_path: Path) -> None:
    pairs, refusals = find_pairs(campaign(tmp_path))
    assert not refusals
    found = {
        (row.pair.other.cell.arm, row.pair.base.cell.arm): row.interval for row in compare(pairs, THROUGHPUT)
    }
    assert set(found) == {("linux-qemu", "docker"), ("osv-qemu", "docker"), ("osv-qemu", "linux-qemu")}
    for (other, base), interval in found.items():
        assert interval.low < ARM_FACTOR[other] / ARM_FACTOR[base] < interval.high
        assert (interval.boots_other, interval.boots_base) == (4, 4)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (
            changing("docker", instance={"accelerator": "none"}),
            "accelerator differs: tcg for linux-qemu, none",
        ),
        (changing("docker", instance={"artifact_sha256": "f" * 64}), "artifact hash differs: "),
        (
            changing("docker", caps={"wanted_cpus": 2.0}),
            "caps differs: 1 CPU, 268435456 bytes for linux-qemu",
        ),
        (changing("docker", identity={"threads_seen": 2}), "threads seen differs: 1 for linux-qemu, 2"),
        (
            first_boot(changing("docker", instance={"kernel": "6.6.1"})),
            "the boots of docker differ in kernel: 6.6.1, 6.1.0-18-amd64",
        ),
        (
            first_boot(changing("docker", instance={"accelerator": "kvm"})),
            "the boots of docker differ in accelerator: kvm, tcg",
        ),
        (
            lambda record: ended(record, "failed", "no image") if record.cell.arm == "docker" else record,
            "docker: no valid trial",
        ),
    ],
)
def test_what_differs_is_not_compared(tmp_path: Path, edit: Edit, reason: str) -> None:
    pairs, refusals = find_pairs(campaign(tmp_path, edit=edit))
    assert [(pair.other.cell.arm, pair.base.cell.arm) for pair in pairs] == [("osv-qemu", "linux-qemu")]
    assert {(row.other, row.base) for row in refusals} == {("linux-qemu", "docker"), ("osv-qemu", "docker")}
    assert refusals[0].reason.startswith(reason)


def test_arms_without_a_counterpart_are_listed(tmp_path: Path) -> None:
    study = make_study(
        services=["bubble_sort-go"],
        arms=["docker", "linux-qemu"],
        threads=[1, 4],
        exclude=[{"arm": "docker", "threads": 4}],
    )
    pairs, refusals = find_pairs(campaign(tmp_path, study))
    assert [pair.base.cell.threads for pair in pairs] == [1]
    assert [(row.other, row.base, row.cell.threads) for row in refusals] == [("linux-qemu", "docker", 4)]


def test_arms_that_cannot_run_are_no_refusals(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", ONE_SERVICE, not_run=(NO_LOADER,))
    pairs, refusals = find_pairs(read_results(tmp_path / "c"))
    assert len(pairs) == 1
    assert refusals == []


def test_another_kind_of_cpu_cap_is_noted(tmp_path: Path) -> None:
    notes = {pair.note for pair in find_pairs(campaign(tmp_path))[0]}
    assert notes == {
        "The kernel of linux-qemu sees 1 CPU, that of docker 2: their CPU caps are of different kinds",
        "The kernel of osv-qemu sees 1 CPU, that of docker 2: their CPU caps are of different kinds",
        "",
    }


def test_boots_with_too_few_answers_give_no_p99(tmp_path: Path) -> None:
    few = changing("docker", load={"throughput_per_s": 29.8})
    pairs, _ = find_pairs(campaign(tmp_path, edit=few))
    assert [row.pair.base.cell.arm for row in compare(pairs, P99_RESPONSE)] == ["linux-qemu"]


def load_of(**keys: object) -> Callable[[TrialRecord], TrialRecord]:
    def edit(record: TrialRecord) -> TrialRecord:
        assert record.load
        return record.model_copy(update={"load": record.load.model_copy(update=keys)})

    return edit


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda record: ended(record, "hung", "no answer for 30 s"), "no answer for 30 s"),
        (lambda record: ended(record, "failed", ""), "no reason was recorded"),
        (load_of(verdict="generator CPU 93 % exceeds 80 %"), "generator CPU 93 % exceeds 80 %"),
        (load_of(throughput_per_s=0.0), "no right answer in the measured window"),
        (lambda record: record.model_copy(update={"load": None}), "it completed without a load result"),
        (lambda record: record.model_copy(update={"campaign": "x"}), "it belongs to campaign x, study "),
        (lambda record: record.model_copy(update={"id": "9999"}), "the campaign's plan does not hold it"),
    ],
)
def test_only_valid_trials_count(tmp_path: Path, edit: Edit, why: str) -> None:
    results = campaign(tmp_path, edit=lambda record: edit(record) if record.id == "0002" else record)
    assert len(results.valid) == 11
    assert [trial.excluded.startswith(why) for trial in results.excluded] == [True]


def test_a_copied_trial_is_refused(tmp_path: Path) -> None:
    campaign(tmp_path)
    record = sorted((tmp_path / "c" / "trials").glob("*/trial.json"))[0]
    copy = tmp_path / "c" / "trials" / "copy" / "trial.json"
    copy.parent.mkdir()
    copy.write_text(record.read_text())
    with pytest.raises(InputError, match="trial 0001 is there 2 times"):
        read_results(tmp_path / "c")


def test_a_plan_that_is_not_the_studys_is_refused(tmp_path: Path) -> None:
    campaign(tmp_path)
    path = tmp_path / "c" / "campaign.json"
    path.write_text(path.read_text().replace('"threads":1,', '"threads":3,'))
    with pytest.raises(InputError, match=r"trials\.0\.cell: the campaign's own study has no such cell"):
        read_results(tmp_path / "c")


def test_progress_of_a_partial_campaign(tmp_path: Path) -> None:
    write_campaign(tmp_path / "c", ONE_SERVICE, finished=5, not_run=(NO_LOADER,))
    results = read_results(tmp_path / "c")
    assert (len(results.valid), len(results.to_do), len(results.not_run)) == (5, 3, 4)
    assert not results.complete


def test_crashes_and_hangs_are_counted_apart(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        if record.cell.arm != "osv-qemu":
            return record
        state = ("crashed", "hung", "crashed", "completed", "crashed")[record.block]
        if state == "completed":
            return load_of(errors={"timeout": 3, "reset": 0})(record)
        gone = ended(record, state, "why")
        return gone.model_copy(update={"boot": None}) if record.block == 2 else gone

    study = make_study(services=["bubble_sort-go"], boots=5)
    rows = {row.cell.arm: row for row in stability(campaign(tmp_path, study, edit))}
    osv, docker = rows["osv-qemu"], rows["docker"]
    assert (osv.boots, osv.never_answered, osv.crashed, osv.hung) == (5, 1, 2, 1)
    assert osv.errors == {"timeout": 3}
    rate = 2e6 / osv.requests
    assert osv.rate_per_million == pytest.approx(rate)
    assert osv.low_per_million < rate < osv.high_per_million
    assert (docker.crashed, docker.rate_per_million, docker.low_per_million) == (0, 0, 0)
    assert docker.high_per_million == pytest.approx(3.689e6 / docker.requests, rel=1e-3)
