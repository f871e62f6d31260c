"""HV and OS of the break-even: what the hosts themselves took, where the records tell it."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaigns import make_study, write_campaign

from analysis.__main__ import main
from analysis.checks.evidence import Evidence, evidence_of
from analysis.estimates.block_table import BlockTable
from analysis.estimates.memory_break_even import BreakEvenRow, break_even_rows, hosts_in_use_mib
from analysis.estimates.pairs import find_pairs
from analysis.records.metrics import THROUGHPUT
from analysis.records.results import read_results
from contracts.trial import TrialRecord

MIB = 1024**2
OS_MIB, HV_MIB = 900, 400


def in_use(record: TrialRecord, guests: str = "kvm") -> TrialRecord:
    known = {
        "docker-host": {"virtualization": "kvm", "memory_in_use_bytes": OS_MIB * MIB},
        "qemu-host": {"virtualization": guests, "memory_in_use_bytes": HV_MIB * MIB},
    }
    facts = {host: facts | known[host] for host, facts in record.provenance.items()}
    return record.model_copy(update={"provenance": facts})


def in_a_container(record: TrialRecord) -> TrialRecord:
    return in_use(record, "systemd-nspawn")


def as_it_was(record: TrialRecord) -> TrialRecord:
    return record


def rows(evidence: Evidence) -> list[BreakEvenRow]:
    throughput = BlockTable(evidence.every_cell, THROUGHPUT)
    return break_even_rows(find_pairs(evidence)[0], 1, throughput)


def test_recorded_hosts_give_the_break_even_on_them(tmp_path: Path) -> None:
    study = make_study(services=["todos-go"])
    write_campaign(tmp_path / "c", study, edit=in_use)
    found = rows(evidence_of(read_results(tmp_path / "c")))
    assert found
    for row in found:
        assert hosts_in_use_mib(row.pair) == ([OS_MIB], [HV_MIB])
        assert row.here is not None
        # K* grows in proportion to OS - HV, and is given per GiB of it.
        assert row.here.value == pytest.approx(row.found.value * (OS_MIB - HV_MIB) / 1024)
        assert row.here.low == pytest.approx(row.found.low * (OS_MIB - HV_MIB) / 1024, rel=1e-6)
    assert main(["report", str(tmp_path / "c")]) == 0
    page = (tmp_path / "c" / "report.html").read_text()
    assert "OS was 900 MiB (docker-host) and HV 400 MiB (qemu-host)" in page


@pytest.mark.parametrize("edit", [as_it_was, in_a_container])
def test_hosts_that_do_not_tell_are_not_recorded(tmp_path: Path, edit: object) -> None:
    study = make_study(services=["todos-go"])
    write_campaign(tmp_path / "c", study, edit=edit)  # type: ignore[arg-type]
    found = rows(evidence_of(read_results(tmp_path / "c")))
    assert found and all(row.here is None for row in found)
    assert main(["report", str(tmp_path / "c")]) == 0
    assert "are not recorded for two hosts of their own" in (tmp_path / "c" / "report.html").read_text()


def test_memory_in_use_does_not_make_two_softwares_of_one(tmp_path: Path) -> None:
    def rising(record: TrialRecord) -> TrialRecord:
        changed = in_use(record)
        changed.provenance["docker-host"]["memory_in_use_bytes"] += int(record.id) * MIB
        return changed

    write_campaign(tmp_path / "c", make_study(services=["todos-go"]), edit=rising)
    pairs, refusals = find_pairs(evidence_of(read_results(tmp_path / "c")))
    assert len(pairs) == 3 and not refusals
    os_mib, hv_mib = hosts_in_use_mib(next(pair for pair in pairs if pair.base.runtime == "docker")) or (
        [],
        [],
    )
    assert (len(os_mib), hv_mib) == (3, [HV_MIB])
