"""The one-machine laboratory, for real: engine, guests, load, records, report; killed, resumed, cleaned.

The tests of this file run in their order and share the machines, which take a minute to boot.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.unilab.platforms import qemu
from laboratory import PLAYBOOK, PROJECT, environment, namespaces, needs_root, processes, site

from contracts.availability import is_elf
from contracts.campaign import read_campaign, read_records
from contracts.trial import TrialRecord

pytestmark = needs_root

LOADER = os.environ.get("UNILAB_OSV_LOADER", "")
ARMS = ("docker", "linux-qemu", "osv-qemu", "linux-xenserver", "osv-xenserver")
# OSv wants a loader, and on a XenServer one that boots by itself.
RUN = {arm for arm in ARMS if "osv" not in arm or (LOADER and not ("xenserver" in arm and is_elf(LOADER)))}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def options(results: Path, study: str, **more: str) -> list[str]:
    values = {"results_dir": str(results), "study": study, "osv_loader": LOADER} | more
    return [word for name, value in values.items() for word in ("-e", f"{name}={value}")]


@pytest.fixture(scope="module")
def smoke(results: Path) -> tuple[Path, str]:
    arguments = options(results, "studies/smoke.yml", campaign="smoke")
    status, output = site(*arguments, inventory="inventories/xapi_double", timeout_s=1500)
    assert status == 0, output[-6000:]
    return results / "smoke", output


def by_arm(directory: Path) -> dict[str, TrialRecord]:
    return {record.cell.arm: record for record in read_records(directory)}


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_boots_proves_itself_holds_its_caps_and_answers_the_load(
    smoke: tuple[Path, str], arm: str
) -> None:
    directory, _ = smoke
    if arm not in RUN:
        not_run = {row.arm: row for row in read_campaign(directory).not_run}
        assert "osv_loader=PATH" in not_run[arm].remedy and arm not in by_arm(directory)
        pytest.skip(f"UNILAB_OSV_LOADER: {not_run[arm].why}")
    record = by_arm(directory)[arm]
    assert (record.end.state, record.end.why) == ("completed", "")
    assert record.instance and record.identity and record.boot and record.load and record.caps
    assert record.identity.nonce_seen == record.identity.nonce_wanted
    assert record.identity.artifact_seen == record.instance.artifact_sha256
    assert record.boot.first_answer_ms > 0
    memory = [row.value for row in record.caps.read_back if row.resource == "memory"]
    assert 256 * 2**20 in memory
    assert record.load.requests > 0 and not record.load.errors
    assert (record.load.verdict, record.load.generator.processes) == ("valid", 1)
    assert record.load.generator.ceiling_per_s and record.load.generator.ceiling_per_s > 5000
    assert (directory / "trials").joinpath(_folder(directory, record), "latency.hlog").stat().st_size > 0
    assert {row.when for row in record.footprints} == {"idle", "loaded"}
    assert all(row.bytes > 0 and row.source for row in record.footprints)
    if "xenserver" in arm:
        # The double's guests are QEMU's of the controller, and nothing counts them.
        assert record.work is None and "nothing counts the instructions" in record.why_no_work
    elif record.instance.is_emulated:
        assert record.why_no_work == "" and record.work and record.work.per_request
        counted = record.work.per_request
        assert counted.application and counted.kernel
        assert counted.instructions == pytest.approx(counted.application + counted.kernel)
        assert record.work.alignment_error_ms < 1000 * record.load.window_s


def _folder(directory: Path, record: TrialRecord) -> str:
    return next(t.directory for t in read_campaign(directory).trials if t.id == record.id)


def test_all_arms_run_the_same_bytes_on_the_same_kind_of_cpu(smoke: tuple[Path, str]) -> None:
    instances = [record.instance for record in by_arm(smoke[0]).values()]
    assert len({i.artifact_sha256 for i in instances if i}) == 1
    assert len({(i.processor, i.cpus) for i in instances if i}) == 1


def test_the_report_is_written_and_named(smoke: tuple[Path, str]) -> None:
    directory, output = smoke
    page = (directory / "report.html").read_text()
    assert str(directory / "report.html") in output
    for record in by_arm(directory).values():
        assert record.cell.arm in page
    assert LOADER or "no OSv loader was given" in page


def test_progress_is_told(smoke: tuple[Path, str]) -> None:
    _, output = smoke
    total = len(RUN)
    for number in range(1, total + 1):
        assert f"trial {number} of {total}: todos-go" in output
    assert "min left]" in output


def test_an_open_loop_is_made_by_two_processes_where_the_inventory_says_so(
    smoke: tuple[Path, str], results: Path, tmp_path: Path
) -> None:
    study = yaml.safe_load((PROJECT / "studies/smoke.yml").read_text())
    load = {"users": 8, "warm_up_s": 1, "duration_s": 2, "rate_per_s": 100, "arrivals": "constant"}
    path = tmp_path / "open.yml"
    path.write_text(yaml.safe_dump(study | {"name": "open", "arms": ["linux-qemu"], "load": {"todos": load}}))
    status, output = site(*options(results, str(path), campaign="open", load_client_processes="2"))
    assert status == 0, output[-4000:]
    (record,) = read_records(results / "open")
    # Two processes on the one CPU of the laboratory's client may be late, which the record then says.
    assert record.load is not None and (record.end.state == "completed" or " ms late" in record.end.why)
    assert (record.load.loop, record.load.generator.processes) == ("open", 2)
    assert [worker.users for worker in record.load.generator.workers] == [4, 4]
    assert record.load.requests == pytest.approx(200, abs=8) and record.load.unsent == 0


def test_prebuilt_images_are_booted_known_loaded_and_reported(
    smoke: tuple[Path, str], results: Path, tmp_path: Path
) -> None:
    """Debian's kernel as packaged, with initramfs and disk: once it reports an identity, once not."""
    (kernel,) = PROJECT.glob(".lab/root/boot/vmlinuz-*")
    (initrd,) = PROJECT.glob(".lab/machines/qemu-host/upper/var/lib/unilab/images/linux-*.initrd")
    artifact = by_arm(smoke[0])["linux-qemu"].instance
    assert artifact is not None
    disk = PROJECT / f".cache/images/todos-go-{artifact.artifact_sha256[:12]}.squashfs"
    words = (
        "console=ttyS0 quiet panic=-1 UNILAB_IP={address}/{prefix_length} UNILAB_GATEWAY={gateway} "
        "UNILAB_PORT={port} UNILAB_THREADS={threads} UNILAB_NONCE={nonce} -- /app/server"
    )
    image = {"kernel": str(kernel), "initrd": str(initrd), "disk": str(disk), "command_line": words}
    study = yaml.safe_load((PROJECT / "studies/smoke.yml").read_text()) | {
        "name": "prebuilt",
        "arms": ["linux-qemu", "debian-qemu", "silent-qemu"],
        "prebuilt": {
            "debian": {"todos-go": image | {"identity": "nonce"}},
            "silent": {"todos-go": image | {"port": 9090}},
        },
    }
    path = tmp_path / "prebuilt.yml"
    path.write_text(yaml.safe_dump(study))
    status, output = site(*options(results, str(path), campaign="prebuilt"))
    assert status == 0, output[-4000:]
    records = by_arm(results / "prebuilt")
    assert {(arm, r.end.state, r.end.why) for arm, r in records.items()} == {
        (arm, "completed", "") for arm in study["arms"]
    }
    reported, silent = records["debian-qemu"], records["silent-qemu"]
    assert reported.identity and reported.identity.nonce_seen == reported.identity.nonce_wanted
    assert reported.identity.artifact_seen == artifact.artifact_sha256
    assert silent.identity is None and silent.instance and silent.boot and silent.boot.first_answer_ms > 0
    assert (silent.instance.identified_by, silent.instance.port) == ("answers", 9090)
    assert all(row.caps and row.caps.read_back and row.footprints for row in records.values())
    page = (results / "prebuilt" / "report.html").read_text()
    assert "debian-qemu" in page and "silent-qemu" in page


def test_a_role_applied_again_changes_nothing(smoke: tuple[Path, str]) -> None:
    status, output = site("--tags", "docker_engine,qemu_host,load_client")
    assert status == 0, output[-4000:]
    recap = [line for line in output.splitlines() if "changed=" in line]
    assert recap and all("changed=0" in line for line in recap), recap


def test_a_port_that_is_taken_is_told_before_the_campaign_begins(
    smoke: tuple[Path, str], results: Path
) -> None:
    """A program on docker-host takes the services' port."""
    listener = ["docker-host", "-i", "inventories/local", "-m", "ansible.builtin.raw", "-a"]
    program = str(Path(PLAYBOOK).with_name("ansible"))
    take = "systemd-run --quiet --unit=taken python3 -m http.server 8080 --bind 0.0.0.0; sleep 8"
    subprocess.run([program, *listener, take], cwd=PROJECT, env=environment(), check=True, timeout=120)
    try:
        status, output = site(*options(results, "studies/smoke.yml", campaign="taken"))
    finally:
        subprocess.run(
            [program, *listener, "systemctl stop taken"],
            check=True,
            cwd=PROJECT,
            env=environment(),
            timeout=60,
        )
    assert status != 0
    assert "docker-host: port 8080 is taken" in " ".join(output.split())
    assert not (results / "taken").exists()


def test_a_campaign_killed_at_a_random_moment_resumes_and_loses_nothing(
    smoke: tuple[Path, str], results: Path, tmp_path: Path
) -> None:
    study = yaml.safe_load((PROJECT / "studies/smoke.yml").read_text())
    study |= {"name": "killed", "arms": ["linux-qemu"], "boots": 3}
    path = tmp_path / "killed.yml"
    path.write_text(yaml.safe_dump(study))
    arguments = [PLAYBOOK, "site.yml", "-i", "inventories/local", *options(results, str(path))]

    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(
            arguments, cwd=PROJECT, env=environment(), stdout=log, stderr=log, start_new_session=True
        )
        kept = _wait_for_a_record(results, run)
        time.sleep(random.uniform(0, 8))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    finished = {p: p.read_bytes() for p in results.glob("killed-*/trials/*/trial.json")}
    assert kept in finished

    status, output = site(*options(results, str(path)))
    assert status == 0, output[-4000:]
    assert f"(resumed, {len(finished)} trials are done)" in output
    directories = list(results.glob("killed-*"))
    assert len(directories) == 1
    assert len(read_records(directories[0])) == 3
    assert all(record.end.state == "completed" for record in read_records(directories[0]))
    assert {p: p.read_bytes() for p in finished} == finished


def _wait_for_a_record(results: Path, run: subprocess.Popen[Any]) -> Path:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and run.poll() is None:
        for path in results.glob("killed-*/trials/*/trial.json"):
            return path
        time.sleep(0.2)
    raise AssertionError("no trial was finished before the run ended")


def test_clean_leaves_nothing_behind(smoke: tuple[Path, str]) -> None:
    assert namespaces() and processes()
    laboratory = f"{PROJECT}/.lab/"
    before = Path("/proc/mounts").read_text()
    done = subprocess.run(
        ["make", "clean"],
        check=False,
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert namespaces() == set() and processes() == []
    assert laboratory not in Path("/proc/mounts").read_text() and laboratory not in before
    # By name: other programs may have guests with cards of their own.
    cards = {qemu.Guest(name, Path()).tap for name in ("docker-host", "unilab-instance")}
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, check=True).stdout)
    assert not cards & {link["ifname"] for link in links}
