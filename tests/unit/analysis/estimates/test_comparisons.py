"""Which arms may meet, with the reasons where they may not, and the ratios between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from campaigns import ARM_FACTOR, NO_LOADER, Edit, ended, make_study, write_campaign

from analysis.checks.evidence import Evidence, evidence_of
from analysis.estimates.comparisons import compare
from analysis.estimates.pairs import find_pairs, thread_pairs
from analysis.estimates.stability import stability
from analysis.records.metrics import LONGEST_RESPONSE, RESPONSES, THROUGHPUT
from analysis.records.results import read_results
from contracts.study import Study
from contracts.trial import TrialRecord

ONE_SERVICE = make_study(services=["bubble_sort-go"], boots=4)


def campaign(directory: Path, study: Study = ONE_SERVICE, edit: Edit = lambda record: record) -> Evidence:
    write_campaign(directory / "c", study, edit=edit)
    return evidence_of(read_results(directory / "c"))


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


SERVER: dict[str, object] = {
    "host": "server",
    "host_groups": ["docker_hosts", "qemu_hosts"],
    "host_processor": "tcg",
    "cpu_list": "1",
}


def on_one_server(docker_cpus: int) -> Edit:
    """All arms on one emulated server: guests on KVM with one CPU, the container with ``docker_cpus``."""

    def edit(record: TrialRecord) -> TrialRecord:
        is_container = record.cell.arm == "docker"
        own = (
            {"accelerator": "none", "cpus": docker_cpus}
            if is_container
            else {"accelerator": "kvm", "cpus": 1}
        )
        assert record.instance
        return record.model_copy(update={"instance": record.instance.model_copy(update=SERVER | own)})

    return edit


def other_host(record: TrialRecord) -> TrialRecord:
    """Docker on a host with another processor."""
    changed = record.provenance | {"docker-host": {"cpu": "another"}}
    return record.model_copy(update={"provenance": changed}) if record.cell.arm == "docker" else record


def more_cpus(record: TrialRecord) -> TrialRecord:
    """Docker with two CPUs, asked for and read back."""
    if record.cell.arm != "docker":
        return record
    assert record.caps
    read = [
        row.model_copy(update={"value": 2.0} if row.unit == "cpus" else {}) for row in record.caps.read_back
    ]
    caps = record.caps.model_copy(update={"wanted_cpus": 2.0, "read_back": read})
    return record.model_copy(update={"caps": caps})


def test_ratios_are_those_that_were_put_in(tmp_path: Path) -> None:
    evidence = campaign(tmp_path)
    pairs, refusals = find_pairs(evidence)
    assert not refusals
    found = {
        (row.pair.other.cell.arm, row.pair.base.cell.arm): row.interval
        for row in compare(evidence, pairs, THROUGHPUT)
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
            "processor differs: tcg for linux-qemu, none",
        ),
        (
            on_one_server(docker_cpus=2),
            "CPUs of the instance differs: 1 for linux-qemu, 2",
        ),
        (
            # A campaign that was continued on another inventory.
            first_boot(changing("docker", instance=SERVER | {"accelerator": "none", "cpus": 1})),
            "the boots of docker differ in accelerator: none, tcg",
        ),
        (
            changing("docker", instance=SERVER | {"accelerator": "none", "cpus": 1}),
            "processor differs: tcg for linux-qemu, server (tcg)",
        ),
        (
            changing("docker", instance={"artifact_sha256": "f" * 64}, identity={"artifact_seen": "f" * 64}),
            "artifact hash differs: ",
        ),
        (changing("docker", load={"window_s": 20.0}), "load differs: closed loop, 4 users, 10.0 s"),
        (more_cpus, "caps differs: 1.0 CPU, 268435456 bytes for linux-qemu"),
        (
            first_boot(other_host),
            "the boots of docker differ in software of the host: ",
        ),
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


def test_arms_of_one_server_are_compared_whether_a_hypervisor_is_between_or_not(tmp_path: Path) -> None:
    pairs, refusals = find_pairs(campaign(tmp_path, edit=on_one_server(docker_cpus=1)))
    assert len(pairs) == 3 and not refusals
    assert {pair.note for pair in pairs} == {""}, "the instances have the same CPUs"


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
    pairs, refusals = find_pairs(evidence_of(read_results(tmp_path / "c")))
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
    few = changing("docker", load={"throughput_per_s": 29.8, "mean_response_ms": 4000 / 29.8})
    evidence = campaign(tmp_path, edit=few)
    pairs, _ = find_pairs(evidence)
    assert [row.pair.base.cell.arm for row in compare(evidence, pairs, RESPONSES["p99"])] == ["linux-qemu"]


def load_of(**keys: object) -> Callable[[TrialRecord], TrialRecord]:
    def edit(record: TrialRecord) -> TrialRecord:
        assert record.load
        return record.model_copy(update={"load": record.load.model_copy(update=keys)})

    return edit


def test_an_open_loop_has_no_throughput_of_its_own(tmp_path: Path) -> None:
    open_loop = load_of(loop="open", rate_per_s=50.0, little_residual=None)
    evidence = campaign(tmp_path, edit=open_loop)
    pairs, refusals = find_pairs(evidence)
    assert refusals == []
    assert compare(evidence, pairs, THROUGHPUT) == []
    assert len(compare(evidence, pairs, RESPONSES["p50"])) == 3


def test_many_boots_get_a_second_opinion(tmp_path: Path) -> None:
    study = make_study(services=["bubble_sort-go"], arms=["docker", "linux-qemu"], boots=20)
    evidence = campaign(tmp_path, study)
    pairs, _ = find_pairs(evidence)
    (found,) = compare(evidence, pairs, THROUGHPUT, seed=1)
    assert found.bootstrap
    assert found.bootstrap.low < ARM_FACTOR["linux-qemu"] < found.bootstrap.high
    assert found.bootstrap.ratio == pytest.approx(found.interval.ratio, rel=0.02)
    assert found.medians
    assert all(side.low is not None for side in found.medians)


def test_thread_pairs_meet_the_same_arm(tmp_path: Path) -> None:
    study = make_study(services=["bubble_sort-go"], arms=["docker", "linux-qemu"], threads=[1, 4], boots=1)
    found = thread_pairs(campaign(tmp_path, study).cells)
    assert [(more.cell.arm, more.cell.threads, one.cell.threads) for more, one in found] == [
        ("docker", 4, 1),
        ("linux-qemu", 4, 1),
    ]


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
    rows = {row.cell.arm: row for row in stability(campaign(tmp_path, study, edit).trials)}
    osv, docker = rows["osv-qemu"], rows["docker"]
    assert (osv.boots, osv.never_answered, osv.crashed, osv.hung) == (5, 1, 2, 1)
    assert osv.errors == {"timeout": 3}
    rate = 2e6 / osv.requests
    assert osv.rate_per_million == pytest.approx(rate)
    assert osv.low_per_million < rate < osv.high_per_million
    assert (docker.crashed, docker.rate_per_million, docker.low_per_million) == (0, 0, 0)
    assert docker.high_per_million == pytest.approx(3.689e6 / docker.requests, rel=1e-3)


def test_maxima_are_compared_at_equal_numbers_of_answers(tmp_path: Path) -> None:
    evidence = campaign(tmp_path / "time")
    pairs, _ = find_pairs(evidence)
    assert compare(evidence, pairs, LONGEST_RESPONSE) == []
    equal = campaign(tmp_path / "equal", edit=load_of(throughput_per_s=40.0))
    pairs, _ = find_pairs(equal)
    assert len(compare(equal, pairs, LONGEST_RESPONSE)) == 3
