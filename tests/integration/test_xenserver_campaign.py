"""Campaigns on the XAPI double: guests uploaded, booted, capped, loaded, measured, removed; and with faults.

The tests of this file run in their order: what one campaign uploaded is there for the next.
"""

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
import yaml
from laboratory import PROJECT, namespaces, needs_root, play, processes, site

from contracts.availability import is_elf
from contracts.campaign import read_records, read_waiting
from contracts.trial import TrialRecord
from tests.unit.xenservers import run as run_module

LOADER = os.environ.get("UNILAB_OSV_LOADER", "")
INVENTORY = "inventories/xapi_double"
ARMS = {"linux-xenserver"} | ({"osv-xenserver"} if LOADER and not is_elf(LOADER) else set())
STUDY = yaml.safe_load((PROJECT / "studies/xenserver_smoke.yml").read_text())
HEAD_BYTES = 65536

pytestmark = needs_root


@dataclass(frozen=True)
class Run:
    """One run of the whole study: what was printed, what it left, and what the double says after it."""

    output: str
    directory: Path
    records: list[TrialRecord]
    double: dict[str, Any]

    @property
    def ends(self) -> list[tuple[str, str]]:
        """How each trial ended, in running order."""
        return [(record.end.state, record.end.why) for record in self.records]


def left(disks: int) -> dict[str, int]:
    """What the double counts when ``disks`` are all that is there."""
    return {"VM": 0, "VDI": disks, "VBD": 0, "VIF": 0, "task": 0, "session": 0}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    _stop()
    yield tmp_path_factory.mktemp("results")
    _stop()
    assert not namespaces() and not processes()


def _stop() -> None:
    status, output = play("playbooks/local_lab.yml", "-i", INVENTORY, "-e", "local_lab_state=stopped")
    assert status == 0, output[-4000:]


@pytest.fixture(scope="module")
def first(results: Path) -> Run:
    return _run(results, "first", "studies/xenserver_smoke.yml")


def _run(results: Path, name: str, study: str, **more: str) -> Run:
    values = {"results_dir": str(results), "study": study, "campaign": name, "osv_loader": LOADER} | more
    options = [word for key, value in values.items() for word in ("-e", f"{key}={value}")]
    status, output = site(*options, inventory=INVENTORY, timeout_s=1200)
    assert status == 0, output[-6000:]
    return Run(output, results / name, read_records(results / name), _double("state"))


def _double(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.doubles.xapi", *words, "--directory", ".lab/xapi_double"]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _fault(name: str, **how: Any) -> None:
    _double("fault", name, "--how", json.dumps(how))


def _study(folder: Path, name: str, **changes: Any) -> str:
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(STUDY | {"name": name, "arms": ["linux-xenserver"]} | changes))
    return str(path)


def test_each_trial_boots_proves_itself_holds_its_caps_and_answers_the_load(first: Run) -> None:
    for record in first.records:
        assert (record.end.state, record.end.why) == ("completed", "")
        assert record.instance and record.identity and record.boot and record.load and record.caps
        assert record.identity.nonce_seen == record.identity.nonce_wanted
        assert record.identity.artifact_seen == record.instance.artifact_sha256
        assert record.boot.first_answer_ms > 0
        assert record.load.requests > 0 and record.load.verdict == "valid" and not record.load.errors
    assert sorted(record.cell.arm for record in first.records) == sorted([*ARMS] * 2)


def test_a_record_says_what_the_guest_really_was(first: Run) -> None:
    for record in first.records:
        assert record.instance and record.caps
        assert record.instance.host == "xapi-double" and record.instance.kernel
        assert record.instance.vcpus == 1
        read_back = {(row.resource, row.kind): row.value for row in record.caps.read_back}
        assert read_back["cpu", "cap"] == 1
        assert 256 * 2**20 in [value for (resource, _), value in read_back.items() if resource == "memory"]
        assert all(row.source.startswith("XAPI ") for row in record.caps.read_back)
        kinds = {(row.when, row.kind) for row in record.footprints}
        assert {("idle", "allocation"), ("loaded", "allocation")} <= kinds
        assert all(row.bytes > 0 and row.source for row in record.footprints)


def test_machines_that_no_arm_needs_are_not_started(first: Run) -> None:
    assert not [line for line in processes() if "/machines/docker-host/" in line]
    assert not [line for line in processes() if "/machines/qemu-host/" in line]


def test_only_the_images_are_left_and_every_call_was_as_the_model_has_it(first: Run) -> None:
    assert first.double["left_behind"] == left(len(ARMS))
    # Nobody within the guest reports its memory, which XAPI says by an error.
    assert {row[0] for row in first.double["refused"]} <= {"VM.query_data_source"}


def test_faults_during_trials_are_recorded_and_the_campaign_goes_on(
    first: Run, results: Path, tmp_path: Path
) -> None:
    # The first trial's clone, the second's start; the third has to log in again, and to wait for its disk.
    _fault("sr_full")
    _fault("answer", at="VM.start", error=["HOST_NOT_ENOUGH_FREE_MEMORY", "268435456", "1048576"])
    _fault("session_invalid", at="VIF.create")
    _fault("session_invalid", at="VM.hard_shutdown")
    _fault("vdi_in_use")
    faults = _run(results, "faults", _study(tmp_path, "faults", boots=3))
    assert [state for state, _ in faults.ends] == ["failed", "failed", "completed"]
    assert "SR_FULL" in faults.ends[0][1] and "HOST_NOT_ENOUGH_FREE_MEMORY" in faults.ends[1][1]
    page = (faults.directory / "report.html").read_text()
    assert "SR_FULL" in page and "HOST_NOT_ENOUGH_FREE_MEMORY" in page
    assert faults.double["left_behind"] == left(len(ARMS))
    # The images were there: each boot sent the first sectors of its disk, and nothing else.
    assert "there already, nothing sent" in faults.output
    sent = faults.double["uploaded_bytes"] - first.double["uploaded_bytes"]
    assert sent == 2 * HEAD_BYTES


@pytest.fixture(scope="module")
def two_platforms(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("study")
    return _study(folder, "two_platforms", boots=1, arms=["linux-qemu", "linux-xenserver"])


@pytest.fixture(scope="module")
def without_upload(first: Run, results: Path, two_platforms: str) -> Run:
    for name in {image.name for image in (PROJECT / ".cache/images").glob("todos-go-*.linux.raw")}:
        run_module("xenserver_disk", connection=_connection(), name=f"unilab-{name}", state="absent")
    _fault("upload_fails")
    return _run(results, "upload", two_platforms)


def _connection() -> dict[str, Any]:
    folder = PROJECT / ".lab/xapi_double"
    port = json.loads((folder / "address.json").read_text())["port"]
    secret = {"password": "double-secret", "ca_file": str(folder / "certificate.pem")}
    return {"hostname": "127.0.0.1", "port": port, **secret}


def test_where_an_upload_fails_its_arm_waits_and_the_others_are_measured(without_upload: Run) -> None:
    (record,) = without_upload.records
    assert (record.cell.arm, record.end.state) == ("linux-qemu", "completed")
    (waiting,) = read_waiting(without_upload.directory)
    assert waiting.arm == "linux-xenserver" and waiting.why.startswith("xapi-double: ")
    assert "linux-xenserver</strong> waits: xapi-double" in (
        without_upload.directory / "report.html"
    ).read_text().replace("<strong>", "")
    assert "linux-xenserver waits, 1 trials" in without_upload.output
    assert without_upload.double["left_behind"] == left(len(ARMS) - 1)


def test_the_same_command_goes_on_and_withstands_what_xapi_does_on_good_days(
    without_upload: Run, results: Path, two_platforms: str
) -> None:
    _fault("host_is_slave")
    _fault("redirect")
    _fault("slow_task", seconds=2)
    _fault("session_invalid", at="VDI.create")
    whole = _run(results, "upload", two_platforms)
    assert [state for state, _ in whole.ends] == ["completed", "completed"]
    assert not read_waiting(whole.directory)
    assert whole.double["left_behind"] == left(len(ARMS))
