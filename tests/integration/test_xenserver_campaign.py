"""A whole campaign on the XAPI double, twice: OSv uploaded, booted, capped, loaded, measured, destroyed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from laboratory import PROJECT, namespaces, needs_root, play, processes, site

from contracts.availability import is_elf
from contracts.campaign import read_records
from contracts.trial import TrialRecord

LOADER = os.environ.get("UNILAB_OSV_LOADER", "")
INVENTORY = "inventories/xapi_double"

pytestmark = [
    needs_root,
    pytest.mark.skipif(
        not LOADER or is_elf(LOADER),
        reason="UNILAB_OSV_LOADER names no OSv loader image that boots by itself (loader.img, not an ELF)",
    ),
]


@dataclass(frozen=True)
class Run:
    """One campaign: what was printed, its records, and what the double says after it."""

    output: str
    records: list[TrialRecord]
    double: dict[str, Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    results = tmp_path_factory.mktemp("results")
    yield [_run(results, name) for name in ("first", "second")]
    status, output = play("playbooks/local_lab.yml", "-i", INVENTORY, "-e", "local_lab_state=stopped")
    assert status == 0, output[-4000:]
    assert not namespaces() and not processes()


def _run(results: Path, name: str) -> Run:
    values = {
        "results_dir": str(results),
        "study": "studies/xenserver_smoke.yml",
        "campaign": name,
        "osv_loader": LOADER,
    }
    options = [word for key, value in values.items() for word in ("-e", f"{key}={value}")]
    status, output = site(*options, inventory=INVENTORY, timeout_s=1200)
    assert status == 0, output[-6000:]
    command = [sys.executable, "-m", "tests.doubles.xapi", "state", "--directory", ".lab/xapi_double"]
    state = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=60)
    return Run(output, read_records(results / name), json.loads(state.stdout))


def test_each_trial_boots_proves_itself_holds_its_caps_and_answers_the_load(runs: list[Run]) -> None:
    for record in runs[0].records + runs[1].records:
        assert (record.end.state, record.end.why) == ("completed", "")
        assert record.instance and record.identity and record.boot and record.load and record.caps
        assert record.identity.nonce_seen == record.identity.nonce_wanted
        assert record.identity.artifact_seen == record.instance.artifact_sha256
        assert record.boot.first_answer_ms > 0
        assert record.load.requests > 0 and record.load.verdict == "valid" and not record.load.errors
    assert [len(run.records) for run in runs] == [2, 2]


def test_a_record_says_what_the_guest_really_was(runs: list[Run]) -> None:
    for record in runs[0].records:
        assert record.instance and record.caps
        assert (record.cell.arm, record.instance.host) == ("osv-xenserver", "xapi-double")
        assert (record.instance.accelerator, record.instance.vcpus) == ("tcg", 1)
        read_back = {(row.resource, row.kind): row.value for row in record.caps.read_back}
        assert read_back["cpu", "cap"] == 1
        assert 256 * 2**20 in [value for (resource, _), value in read_back.items() if resource == "memory"]
        assert all(row.source.startswith("XAPI ") for row in record.caps.read_back)
        kinds = {(row.when, row.kind) for row in record.footprints}
        assert {("idle", "allocation"), ("loaded", "allocation")} <= kinds
        assert all(row.bytes > 0 and row.source for row in record.footprints)


def test_a_second_upload_moves_no_bytes(runs: list[Run]) -> None:
    first, second = runs
    assert "todos-go: sent " in first.output
    assert "todos-go: there already, nothing sent" in second.output
    assert second.double["uploaded_bytes"] == first.double["uploaded_bytes"] + 2 * 65536


def test_only_the_image_is_left_and_every_call_was_as_the_model_has_it(runs: list[Run]) -> None:
    for run in runs:
        left = {"VM": 0, "VDI": 1, "VBD": 0, "VIF": 0, "task": 0, "session": 0}
        assert run.double["left_behind"] == left
        # Nobody within the guest reports its memory, which XAPI says by an error.
        assert {row[0] for row in run.double["refused"]} <= {"VM.query_data_source"}
