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
    """One run of the whole study: its output, its records, and the state of the double after it."""

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
def faults(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One campaign of three boots of each arm, with the faults that XAPI can show."""
    folder = tmp_path_factory.mktemp("study")
    # The laboratory is down, and a fault can only be given to a double that is up.
    machines = ["docker-host", "qemu-host", "client"]
    skipped_hosts = json.dumps({"local_lab_skipped": machines})
    status, output = play("playbooks/local_lab.yml", "-i", INVENTORY, "-e", skipped_hosts)
    assert status == 0, output[-4000:]
    # The first trial's clone, the second's start; the others have to log in again, and to wait for a disk.
    _fault("answer", at="VDI.clone", error=["SR_FULL", "29360128", "0"])
    _fault("answer", at="VM.start_on", error=["HOST_NOT_ENOUGH_FREE_MEMORY", "268435456", "1048576"])
    _fault("session_invalid", at="VIF.create")
    _fault("session_invalid", at="VM.hard_shutdown")
    _fault("vdi_in_use")
    return _run(results, "faults", _study(folder, "faults", boots=3, arms=sorted(ARMS)))


def _run(results: Path, name: str, study: str) -> Run:
    values = {"results_dir": str(results), "study": study, "campaign": name, "osv_loader": LOADER}
    options = [word for key, value in values.items() for word in ("-e", f"{key}={value}")]
    status, output = site(*options, inventory=INVENTORY, timeout_s=1200)
    assert status == 0, output[-6000:]
    return Run(output, results / name, read_records(results / name), _double("state"))


def _double(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.doubles.xapi", *words, "--directory", ".lab/xapi_double"]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True, timeout=60)
    reported: dict[str, Any] = json.loads(done.stdout)
    return reported


def _fault(name: str, **how: Any) -> None:
    _double("fault", name, "--how", json.dumps(how))


def _study(folder: Path, name: str, **changes: Any) -> str:
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(STUDY | {"name": name, "arms": ["linux-xenserver"]} | changes))
    return str(path)


def completed(run: Run) -> list[TrialRecord]:
    return [record for record in run.records if record.end.state == "completed"]


def test_faults_during_trials_are_recorded_and_the_campaign_goes_on(faults: Run) -> None:
    states = [state for state, _ in faults.ends]
    assert states == ["failed", "failed", *["completed"] * (3 * len(ARMS) - 2)]
    assert "SR_FULL" in faults.ends[0][1] and "HOST_NOT_ENOUGH_FREE_MEMORY" in faults.ends[1][1]
    page = (faults.directory / "report.html").read_text()
    assert "SR_FULL" in page and "HOST_NOT_ENOUGH_FREE_MEMORY" in page


def test_other_trials_are_identified_capped_and_answer_the_load(faults: Run) -> None:
    for record in completed(faults):
        assert record.instance and record.identity and record.boot and record.load and record.caps
        assert record.identity.nonce_seen == record.identity.nonce_wanted
        assert record.identity.artifact_seen == record.instance.artifact_sha256
        assert record.boot.first_answer_ms > 0
        assert record.load.requests > 0 and record.load.verdict == "valid" and not record.load.errors


def test_record_has_the_properties_of_the_guest(faults: Run) -> None:
    for record in completed(faults):
        assert record.instance and record.caps
        assert record.instance.host == "xapi-double" and record.instance.kernel
        assert (record.instance.resident_on or {})["address"] == "127.0.0.1"
        assert record.instance.vcpus == 1
        read_back = {(row.resource, row.kind): row.value for row in record.caps.read_back}
        assert read_back["cpu", "cap"] == 1
        assert 256 * 2**20 in [value for (resource, _), value in read_back.items() if resource == "memory"]
        assert all(row.source.startswith("XAPI ") for row in record.caps.read_back)
        kinds = {(row.when, row.kind) for row in record.footprints}
        assert {("idle", "allocation"), ("loaded", "allocation")} <= kinds
        assert all(row.bytes > 0 and row.source for row in record.footprints)


def test_machines_without_an_arm_are_not_started(faults: Run) -> None:
    assert not [line for line in processes() if "/machines/docker-host/" in line]
    assert not [line for line in processes() if "/machines/qemu-host/" in line]


def test_only_the_images_remain_each_sent_once(faults: Run) -> None:
    assert faults.double["left_behind"] == left(len(ARMS))
    # No agent in the guest reports its memory, for which XAPI has an error; the others are the faults.
    refused = {row[1] for row in faults.double["refused"] if row[0] != "VM.query_data_source"}
    assert refused == {"SR_FULL", "HOST_NOT_ENOUGH_FREE_MEMORY", "SESSION_INVALID", "VDI_IN_USE"}
    images = sum(_sizes(faults).values())
    # Each clone but the one without space had its first sectors sent.
    assert faults.double["uploaded_bytes"] == images + (3 * len(ARMS) - 1) * HEAD_BYTES


def _sizes(run: Run) -> dict[str, int]:
    """Bytes of each arm's disk, as storage of whole 2 MiB holds it."""
    instances = {record.cell.arm: record.instance for record in completed(run)}
    return {arm: -(-found.image_bytes // 2**21) * 2**21 for arm, found in instances.items() if found}


@pytest.fixture(scope="module")
def two_platforms(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("study")
    return _study(folder, "two_platforms", boots=1, arms=["linux-qemu", "linux-xenserver"])


@pytest.fixture(scope="module")
def without_upload(faults: Run, results: Path, two_platforms: str) -> Run:
    for image in (PROJECT / ".cache/images").glob("todos-go-*.linux.raw"):
        run_module("xenserver_disk", connection=_connection(), name=f"unilab-{image.name}", state="absent")
    _fault("upload_fails")
    return _run(results, "upload", two_platforms)


def _connection() -> dict[str, Any]:
    folder = PROJECT / ".lab/xapi_double"
    port = json.loads((folder / "address.json").read_text())["port"]
    secret = {"password": "double-secret", "ca_file": str(folder / "certificate.pem")}
    return {"hostname": "127.0.0.1", "port": port, **secret}


def test_arm_of_a_failed_upload_waits_and_others_are_measured(without_upload: Run) -> None:
    (record,) = without_upload.records
    assert (record.cell.arm, record.end.state) == ("linux-qemu", "completed")
    (waiting,) = read_waiting(without_upload.directory)
    assert waiting.arm == "linux-xenserver" and waiting.why.startswith("xapi-double: ")
    page = (without_upload.directory / "report.html").read_text()
    assert "<strong>linux-xenserver</strong> waits: xapi-double" in page
    assert "linux-xenserver waits, 1 trials" in without_upload.output
    assert without_upload.double["left_behind"] == left(len(ARMS) - 1)


def test_same_command_continues_despite_ordinary_faults(
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
