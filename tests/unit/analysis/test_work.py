"""Counted work is compared between arms and between campaigns, and what the counts show is reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from campaigns import write_campaign
from counted_campaigns import APPLICATION, KERNEL, STUDY, campaign, counted

from analysis.__main__ import main
from analysis.notebook import Campaign
from contracts.trial import TrialRecord


def test_counts_are_columns_of_the_table(tmp_path: Path) -> None:
    trials = Campaign(campaign(tmp_path / "a", counted())).trials
    osv = trials.filter(pl.col("arm") == "osv-qemu")
    assert osv["work_kernel_per_request"].to_list() == pytest.approx([KERNEL["osv-qemu"]] * 4, rel=0.003)
    assert osv["work_idle_instructions_per_s"].to_list() == pytest.approx([1e6] * 4, rel=0.003)
    assert osv["work_saturated"].to_list() == [True] * 4
    assert set(trials["why_no_work"]) == {""}


def test_ratios_between_arms_include_the_counts(tmp_path: Path) -> None:
    ratios = Campaign(campaign(tmp_path / "a", counted())).ratios("kernel_per_request")
    row = ratios.filter((pl.col("arm") == "osv-qemu") & (pl.col("base") == "docker")).to_dicts()[0]
    assert row["ratio"] == pytest.approx(17 / 40)
    assert row["low"] <= row["ratio"] <= row["high"] < 0.44


def test_a_campaign_without_counts_has_none_of_these_metrics(tmp_path: Path) -> None:
    ratios = Campaign(campaign(tmp_path / "a", lambda record: record)).ratios()
    assert not [key for key in ratios["metric"].unique() if "per_request" in key]


def findings(folder: Path, check: str) -> list[str]:
    return Campaign(folder).findings.filter(pl.col("check") == check)["what"].to_list()


@pytest.mark.parametrize(("more", "named"), [(1.02, 0), (1.04, 1)])
def test_an_arm_with_other_application_work_is_named(tmp_path: Path, more: float, named: int) -> None:
    edit = counted(lambda arm: APPLICATION * (more if arm == "osv-qemu" else 1))
    found = findings(campaign(tmp_path / "a", edit), "same work")
    assert len(found) == named
    assert all("4.0 % more than on" in what for what in found)


def test_trials_that_waited_for_the_client_are_named(tmp_path: Path) -> None:
    found = findings(campaign(tmp_path / "a", counted(saturated_s=4.0)), "saturated")
    assert len(found) == 12
    assert "saturated for 4.0 s of 10.0 s; 30.0 % of its instructions were idle work" in found[0]
    assert findings(campaign(tmp_path / "b", counted()), "saturated") == []


def in_seconds(per_answer: Callable[[int], float]) -> Callable[[TrialRecord], TrialRecord]:
    """Counts of each second, ``per_answer`` by its number, for answers that come at any speed."""
    base = counted()

    def edit(record: TrialRecord) -> TrialRecord:
        done, load = base(record), record.load
        assert done.work and load
        rates = [load.throughput_per_s * speed(second + 3) for second in range(10)]
        seconds = [round(rate * per_answer(number)) for number, rate in enumerate(rates)]
        return done.model_copy(update={"work": done.work.model_copy(update={"seconds": seconds})})

    return edit


def speed(second: int) -> float:
    """The emulated CPU has half of its speed from the second 8 on: another program runs."""
    return 0.5 if second >= 8 else 1.0


@pytest.mark.parametrize(
    ("per_answer", "kind"),
    [(lambda number: 75e3, "steady"), (lambda number: 150e3 if number < 5 else 75e3, "rising")],
)
def test_a_window_is_judged_by_its_work_and_not_by_the_speed_of_an_emulated_cpu(
    tmp_path: Path, per_answer: Callable[[int], float], kind: str
) -> None:
    write_campaign(tmp_path / "a", STUDY, edit=in_seconds(per_answer), speed=speed)
    found = Campaign(tmp_path / "a").source.evidence.steadiness_of_cells
    assert {row.kind for row in found.values()} == {kind}


def test_without_counts_a_window_is_judged_by_its_answers(tmp_path: Path) -> None:
    write_campaign(tmp_path / "a", STUDY, speed=speed)
    found = Campaign(tmp_path / "a").source.evidence.steadiness_of_cells
    assert {row.kind for row in found.values()} == {"falling"}


def on_a_host_with_other_programs(record: TrialRecord) -> TrialRecord:
    """In one second another program switches address spaces and executes 30 million instructions."""
    done, load = counted()(record), record.load
    assert done.work and load and done.work.per_request
    rates = [round(load.throughput_per_s)] * 10
    own = [round(rate * APPLICATION) for rate in rates]
    kernel = [round(rate * KERNEL[record.cell.arm]) for rate in rates]
    switches = [4] * 10
    own[3], switches[3] = own[3] + 30_000_000, 80
    by_second = {"application": own, "kernel": kernel, "address_space_switches": switches}
    application = sum(own) / sum(rates)
    found = done.work.per_request.model_copy(
        update={"application": application, "instructions": application + sum(kernel) / sum(rates)}
    )
    scope = "machine" if record.cell.arm == "docker" else "guest"
    changes = {"scope": scope, "by_second": by_second, "per_request": found}
    return done.model_copy(update={"work": done.work.model_copy(update=changes)})


def test_seconds_in_which_other_programs_of_a_containers_host_worked_are_left_out(tmp_path: Path) -> None:
    trials = Campaign(campaign(tmp_path / "a", on_a_host_with_other_programs)).trials
    docker, linux = (trials.filter(pl.col("arm") == arm) for arm in ("docker", "linux-qemu"))
    assert docker["work_seconds_omitted"].to_list() == [1] * 4
    assert docker["work_application_per_request"].to_list() == pytest.approx([APPLICATION] * 4, rel=3e-3)
    total = APPLICATION + KERNEL["docker"]
    assert docker["work_instructions_per_request"].to_list() == pytest.approx([total] * 4, rel=3e-3)
    assert linux["work_seconds_omitted"].null_count() == 4
    assert min(linux["work_application_per_request"]) > 1.01 * APPLICATION


def at_speed(
    factor: float, work: float = 1.0
) -> tuple[Callable[[TrialRecord], TrialRecord], Callable[[int], float]]:
    """Records of a machine of speed ``factor``: 1500 interrupts of 6000 instructions come each second."""
    base = counted()

    def of_second(second: int) -> float:
        return factor * (1.1 if second % 2 else 0.9)

    def edit(record: TrialRecord) -> TrialRecord:
        done, load = base(record), record.load
        assert done.work and load and done.work.per_request
        wobble = 1 + 0.0005 * (record.block % 3 - 1)
        rates = [load.throughput_per_s * of_second(second + 3) for second in range(10)]
        kernel = [KERNEL[record.cell.arm] * work * wobble * rate + 6000 * 1500 for rate in rates]
        own = [round(APPLICATION * wobble * rate) for rate in rates]
        seconds = [round(sum(parts)) for parts in zip(own, kernel, strict=True)]
        by_second = {"interrupt_returns": [1500] * 10, "application": own}
        found = done.work.per_request.model_copy(
            update={
                "instructions": sum(seconds) / sum(rates),
                "kernel": sum(kernel) / sum(rates),
                "interrupt_returns": 15000 / sum(rates),
            }
        )
        changes = {"seconds": seconds, "by_second": by_second, "per_request": found}
        return done.model_copy(update={"work": done.work.model_copy(update=changes)})

    return edit, of_second


def campaign_at_speed(folder: Path, factor: float, work: float = 1.0) -> Path:
    edit, speed = at_speed(factor, work)
    write_campaign(folder, STUDY, edit=edit, speed=speed)
    return folder


@pytest.mark.parametrize(("work", "code"), [(1.0, 0), (1.15, 1)])
def test_the_gate_judges_work_at_equal_interrupts_on_machines_of_different_speed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], work: float, code: int
) -> None:
    before, after = campaign_at_speed(tmp_path / "a", 1.0), campaign_at_speed(tmp_path / "b", 0.4, work)
    found, rows, said = compare(capsys, before, after, "--limit", "0.03")
    by_metric = {row["metric"]: row for row in rows.filter(pl.col("arm") == "osv-qemu").to_dicts()}
    assert by_metric["kernel_per_request"]["ratio"] > 1.3
    # At the mean interrupts of both campaigns they are about 13 of 30 thousand instructions of the kernel.
    assert by_metric["kernel_at_equal_interrupts"]["ratio"] == pytest.approx(1 + (work - 1) * 0.57, abs=0.03)
    assert found == code
    assert ("kernel_at_equal_interrupts rose by" in said) == bool(code)
    assert "kernel_per_request rose" not in said


def compare(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, pl.DataFrame, str]:
    code = main(["compare", *map(str, arguments)])
    said = capsys.readouterr()
    return code, pl.read_csv(said.out.encode()) if said.out else pl.DataFrame(), said.err


def test_the_gate_passes_what_did_not_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = campaign(tmp_path / "a", counted())
    after = campaign(tmp_path / "b", counted())
    code, rows, said = compare(capsys, before, after, "--limit", "0.01")
    assert (code, said) == (0, "")
    assert not rows["moved"].any()


def test_the_gate_refuses_a_rise_beyond_the_limit_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = campaign(tmp_path / "a", counted())
    after = campaign(tmp_path / "b", counted(kernel_factor=1.1))
    code, rows, said = compare(capsys, before, after, "--limit", "0.05")
    assert code == 1
    assert "todos-go osv-qemu: kernel_per_request rose by 10.0 %" in said and "limit 5 %" in said
    moved = rows.filter(pl.col("moved"))["metric"].unique().to_list()
    assert sorted(moved) == ["instructions_per_request", "kernel_per_request"]


@pytest.mark.parametrize(
    ("factor", "limit"), [(1.1, "0.15"), (0.8, "0.01")], ids=["within the limit", "less work"]
)
def test_the_gate_passes_a_rise_within_the_limit_and_a_fall(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], factor: float, limit: str
) -> None:
    before, after = (
        campaign(tmp_path / "a", counted()),
        campaign(tmp_path / "b", counted(kernel_factor=factor)),
    )
    code, rows, said = compare(capsys, before, after, "--limit", limit)
    assert (code, said) == (0, "")
    assert rows["moved"].any()


def test_without_a_limit_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = campaign(tmp_path / "a", counted())
    after = campaign(tmp_path / "b", counted(kernel_factor=2))
    assert compare(capsys, before, after)[0] == 0


def test_one_metric_is_gated_where_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = campaign(tmp_path / "a", counted())
    after = campaign(tmp_path / "b", counted(kernel_factor=1.5))
    code, rows, _ = compare(capsys, before, after, "--limit", "0.01", "--metric", "system_calls_per_request")
    assert code == 0
    assert rows["metric"].unique().to_list() == ["system_calls_per_request"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metric", "p50_response"), "no count of work"),
        ((), "no cell has counts in both"),
    ],
)
def test_what_cannot_be_compared_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    before = campaign(tmp_path / "a", counted())
    after = campaign(tmp_path / "b", lambda record: record)
    code, rows, said = compare(capsys, before, after, *arguments)
    assert code == 2 and rows.is_empty()
    assert message in said and len(said.splitlines()) == 1


def test_a_limit_needs_a_second_campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = compare(capsys, campaign(tmp_path / "a", counted()), "--limit", "0.1")
    assert code == 2 and "it needs a second campaign" in said


def documented_commands() -> list[str]:
    page = (Path(__file__).resolve().parents[3] / "docs/counting.md").read_text()
    lines = [line.partition("#")[0].split() for line in page.splitlines()]
    return [" ".join(words[3:]) for words in lines if words[:3] == ["python", "-m", "analysis"]]


def test_the_page_documents_three_commands() -> None:
    assert len(documented_commands()) == 3


@pytest.mark.parametrize("command", documented_commands())
def test_a_documented_command_works(tmp_path: Path, command: str) -> None:
    for name in ("demo", "before", "after"):
        command = command.replace(f"results/{name}", str(tmp_path / name))
        campaign(tmp_path / name, counted())
    assert main(command.split()) == 0
