"""The first screen: sentences and table of known ratios, and nothing decided that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from campaigns import ARM_FACTOR, NO_LOADER, make_study, write_campaign
from counted_campaigns import APPLICATION, KERNEL, counted, counted_on_server

from analysis.notebook import Campaign
from analysis.page.facts import PageFacts
from analysis.page.sections.answer import Answer
from analysis.page.sections.claims import Claims
from analysis.page.sections.ratios import Ratios
from contracts.trial import TrialRecord

STUDY = make_study(
    services=["todos-go", "todos-python"],
    boots=4,
    load={"todos": {"users": 40, "warm_up_s": 3, "duration_s": 20}},
)
TITLES = ["Work", "Throughput", "p99", "Memory", "Boot", "Image"]


def facts_of(folder: Path) -> PageFacts:
    source = Campaign(folder).source
    return PageFacts(source.results, source.evidence)


def screen(folder: Path, **options: object) -> Answer:
    write_campaign(folder, options.pop("study", STUDY), speed=lambda _: 1.0, **options)  # type: ignore[arg-type]
    return Answer.of(facts_of(folder))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return screen(tmp_path_factory.mktemp("decided") / "c", edit=counted())


def cell(content: Answer, arm: str, title: str, service: str = "todos-go") -> object:
    lines = next(row for row in content.services if row.service == service)
    line = next(row for row in lines.arms if row.arm == arm)
    return line.cells[[row.title for row in content.headings].index(title)]


def on_kvm(record: TrialRecord) -> TrialRecord:
    instance = record.instance.model_copy(update={"accelerator": "kvm"})  # type: ignore[union-attr]
    return counted()(record.model_copy(update={"instance": instance}))


def on_emulated_server(record: TrialRecord) -> TrialRecord:
    host = record.instance.host  # type: ignore[union-attr]
    return on_kvm(record.model_copy(update={"provenance": {host: {"virtualization": "qemu"}}}))


def test_table_has_every_quantity_and_the_ratios_that_were_put_in(decided: Answer) -> None:
    assert [row.title for row in decided.headings] == TITLES
    work = cell(decided, "osv-qemu", "Work")
    ratio = (APPLICATION + KERNEL["osv-qemu"]) / (APPLICATION + KERNEL["docker"])
    assert (work.value, work.word, work.tone) == (f"{ratio:.2f}", "less", "good")  # type: ignore[attr-defined]
    rate = cell(decided, "linux-qemu", "Throughput")
    low, high = map(float, rate.limits.split(" to "))  # type: ignore[attr-defined]
    assert low * 0.98 < ARM_FACTOR["linux-qemu"] < high * 1.02
    memory = cell(decided, "osv-qemu", "Memory")
    assert float(memory.value) == pytest.approx(1.4 / 0.6, rel=0.05)  # type: ignore[attr-defined]
    assert memory.tone == "bad"  # type: ignore[attr-defined]
    image = cell(decided, "osv-qemu", "Image")
    assert (image.value, image.limits) == (f"{16 / 7:.2f}", "same in every boot")  # type: ignore[attr-defined]
    assert cell(decided, "docker", "Memory").limits == ""  # type: ignore[attr-defined]


def test_times_of_an_emulated_processor_have_no_colour(decided: Answer, tmp_path: Path) -> None:
    rate = cell(decided, "osv-qemu", "Throughput")
    assert (rate.word, rate.tone) == ("more", "")  # type: ignore[attr-defined]
    assert [row.title for row in decided.headings if row.emulated] == ["Throughput", "p99", "Boot"]
    real = screen(tmp_path / "kvm", edit=on_kvm)
    assert cell(real, "osv-qemu", "Throughput").tone == "good"  # type: ignore[attr-defined]
    assert cell(real, "osv-qemu", "Boot").tone == "good"  # type: ignore[attr-defined]
    assert cell(real, "linux-qemu", "Boot").tone == "bad"  # type: ignore[attr-defined]
    server = screen(tmp_path / "server", edit=on_emulated_server)
    assert cell(server, "osv-qemu", "Throughput").tone == ""  # type: ignore[attr-defined]


def test_two_sentences_name_arms_and_amounts(decided: Answer) -> None:
    first, second = decided.summary
    assert first == (
        "Compared with the container (docker), the unikernel (osv-qemu) executes 24 % fewer instructions "
        "per request for todos-go and todos-python."
    )
    assert re.fullmatch(
        r"It occupies 2\.[234](?: to 2\.[34])? times the memory, has an image of 1\.2 to 2\.3 times the size "
        r"and takes 4\d(?: to 4\d)? % of the time to its first right answer \(emulated time\)\.",
        second,
    )


def test_least_work_is_named_where_it_is_decided(decided: Answer, tmp_path: Path) -> None:
    go = decided.services[0]
    assert go.least == (
        "least work: osv-qemu, 73.0 thousand instructions per request, 24 % fewer than docker"
    )
    server = screen(tmp_path / "server", edit=counted_on_server)
    # 107 against 114 thousand.
    assert server.services[0].least == (
        "least work: docker, 107 thousand instructions per request, 6.1 % fewer than osv-qemu"
    )
    same = screen(tmp_path / "c", edit=_two_arms_with_one_amount_of_work)
    assert same.services[0].least.startswith("least work seen: ")
    assert "not decided against" in same.services[0].least


def _two_arms_with_one_amount_of_work(record: TrialRecord) -> TrialRecord:
    made = counted()(record)
    arm = "linux-qemu" if record.cell.arm == "osv-qemu" else record.cell.arm
    as_arm = record.model_copy(update={"cell": record.cell.model_copy(update={"arm": arm})})
    other = counted(kernel_factor=1 + 0.01 * (record.block % 2))(as_arm)
    return made.model_copy(update={"work": other.work})


@pytest.mark.parametrize(
    ("edit", "stated"),
    [
        (counted(), "No hypervisor ran under linux-qemu and osv-qemu"),
        (on_kvm, "was a real one: KVM, on the host's own processor."),
        (on_emulated_server, "was a real one: KVM, on a server whose processor was emulated"),
    ],
)
def test_processor_states_whether_a_hypervisor_ran(tmp_path: Path, edit: object, stated: str) -> None:
    content = screen(tmp_path / "c", edit=edit)
    assert stated in content.processor[0]
    assert any("Times, rates" in row for row in content.processor) == (edit is not on_kvm)


def test_undecided_ratios_have_no_colour_and_a_number_of_boots(tmp_path: Path) -> None:
    content = screen(
        tmp_path / "c", edit=on_kvm, between_boots=0.6, arm_factor=dict.fromkeys(ARM_FACTOR, 1.0)
    )
    rates = [
        cell(content, arm, "Throughput", service)
        for arm in ("linux-qemu", "osv-qemu")
        for service in ("todos-go", "todos-python")
    ]
    assert {(row.word, row.tone) for row in rates} == {("undecided", "")}  # type: ignore[attr-defined]
    assert len(content.undecided) == 4
    assert all(re.search(r"About [\d,]+ boots of each arm would decide it", row) for row in content.undecided)
    assert any(row.startswith("todos-go, osv-qemu: p99") for row in content.also_undecided)


def test_a_running_campaign_decides_nothing(tmp_path: Path) -> None:
    content = screen(tmp_path / "c", edit=counted(), finished=20)
    shown = [row for service in content.services for line in service.arms for row in line.cells]
    assert {row.tone for row in shown} == {""}
    assert {row.word for row in shown} <= {"", "so far"}
    assert content.summary[0].startswith("So far, compared with")
    assert ("boots", "4 planned trials are still to do; nothing is decided yet.") in content.missing
    facts = facts_of(tmp_path / "c")
    words = {row[9] for _, table in Ratios.of(facts).ratios for row in table.rows}
    assert words <= {"-", "undecided"}
    claims = Claims.of(facts)
    assert claims.claim_counts.startswith("None of ")
    assert not {row[3] for row in claims.claims.rows} & {"reproduced", "contradicted", "inconclusive"}
    figure = next(row for row in _figures() if row.name == "ratios").sketch(facts)
    assert not any(row.different for row in figure.arguments[0])  # type: ignore[union-attr, attr-defined]


def _figures() -> tuple[object, ...]:
    from analysis.page.figures import FIGURES

    return FIGURES  # type: ignore[return-value]


def test_what_is_missing_has_a_remedy(tmp_path: Path) -> None:
    content = screen(tmp_path / "c", not_run=(NO_LOADER,))
    stated = dict(content.missing)
    assert stated["osv-qemu"] == f"not run: {NO_LOADER.why}. Remedy: {NO_LOADER.remedy}."
    assert stated["work per request"].startswith("not counted")
    assert "the Linux guest (linux-qemu) answers 4" in content.summary[0]
    two = make_study(services=["todos-go"], arms=["docker", "linux-qemu"])
    assert (
        "Remedy: add an arm such as osv-qemu" in dict(screen(tmp_path / "d", study=two).missing)["unikernel"]
    )


def test_arms_that_are_not_compared_are_named_with_the_reason(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        return record if record.cell.arm == "docker" else on_kvm(record)

    content = screen(tmp_path / "c", edit=edit)
    assert cell(content, "osv-qemu", "Work").word == "not compared"  # type: ignore[attr-defined]
    assert (
        "todos-go",
        "osv-qemu is not compared: processor differs: kvm for osv-qemu, tcg for docker.",
    ) in (content.missing)
    assert content.summary == []


def test_no_memory_ratio_between_kinds_that_are_not_comparable(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        if record.cell.arm == "docker":
            return record
        rows = [row.model_copy(update={"kind": "allocation"}) for row in record.footprints]
        return record.model_copy(update={"footprints": rows})

    content = screen(tmp_path / "c", edit=edit)
    memory = cell(content, "osv-qemu", "Memory")
    assert (memory.value, memory.word, memory.limits) == ("-", "", "")  # type: ignore[attr-defined]
    assert not content.memory_compared
    assert "memory" not in " ".join(content.summary)


def test_empty_campaign_has_no_table(tmp_path: Path) -> None:
    content = screen(tmp_path / "c", finished=0)
    assert (content.services, content.summary, content.headings) == ([], [], [])


def test_what_is_counted_is_stated_where_it_is_not_the_same(decided: Answer, tmp_path: Path) -> None:
    stated = "that of a container with its whole host."
    assert decided.processor[-1].endswith(stated)
    server = screen(tmp_path / "server", edit=counted_on_server)
    assert not any(stated in row for row in server.processor)
    assert not any(stated in row for row in screen(tmp_path / "uncounted").processor)


def test_images_of_nearly_one_size_are_the_same(tmp_path: Path) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        size = 10_000_000 if record.cell.arm == "docker" else 9_900_000
        instance = record.instance.model_copy(update={"image_bytes": size})  # type: ignore[union-attr]
        return record.model_copy(update={"instance": instance})

    image = cell(screen(tmp_path / "c", edit=edit), "osv-qemu", "Image")
    assert (image.value, image.word, image.tone) == ("0.99", "the same", "same")  # type: ignore[attr-defined]


@pytest.mark.parametrize("states", ["provenance", "record"])
def test_no_claim_on_times_is_decided_on_an_emulated_server(tmp_path: Path, states: str) -> None:
    def edit(record: TrialRecord) -> TrialRecord:
        made = counted_on_server(record)
        if states == "provenance":
            return made
        instance = made.instance.model_copy(update={"host_processor": "tcg"})  # type: ignore[union-attr]
        return made.model_copy(update={"instance": instance, "provenance": {}})

    write_campaign(tmp_path / "c", STUDY, edit=edit)
    rows = {row[0]: row for row in Claims.of(facts_of(tmp_path / "c")).claims.rows}
    # The order of magnitude of a boot: synthetic boots take 1.1 s, which a real processor would contradict.
    assert rows["C001"][3] == "inconclusive"
    write_campaign(tmp_path / "d", STUDY, edit=on_kvm)
    real = {row[0]: row for row in Claims.of(facts_of(tmp_path / "d")).claims.rows}
    assert real["C001"][3] == "contradicted"
