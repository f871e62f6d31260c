"""The modules against the XAPI double without guests: effects, remaining objects, messages."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.unilab.platforms.xenserver import tls
from xenservers import PROJECT, boot_disk, connection, run

from tests.doubles.xapi.backends import Nothing
from tests.doubles.xapi.server import Double

MIB = 1 << 20
NETWORK = "Pool-wide network associated with eth0"
NOTHING = {"VM": 0, "VDI": 0, "VBD": 0, "VIF": 0, "task": 0, "session": 0}


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    running = Double(tmp_path / "double", Nothing()).start()
    yield running
    running.stop()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.raw"
    path.write_bytes(os.urandom(3 * MIB))
    return path


def upload(double: Double, path: Path, check: bool = False, **changes: Any) -> dict[str, Any]:
    return run(
        "xenserver_disk",
        check,
        connection=changes.pop("connection", connection(double)),
        name="image",
        path=str(path),
        **changes,
    )


def guest(double: Double, disk: str, check: bool = False, **changes: Any) -> dict[str, Any]:
    wanted = {"disk": disk, "memory_mib": 64, "network": NETWORK, "mac": "02:00:00:00:00:01", **changes}
    return run("xenserver_guest", check, connection=connection(double), name="instance", **wanted)


def remove(double: Double) -> tuple[dict[str, Any], dict[str, Any]]:
    to = connection(double)
    return (
        run("xenserver_guest", connection=to, name="instance", state="absent"),
        run("xenserver_disk", connection=to, name="image", state="absent"),
    )


def remaining(double: Double) -> dict[str, int]:
    return {key: count for key, count in double.state()["left_behind"].items() if count}


# Disks.


def test_disk_is_uploaded_once(double: Double, image: Path) -> None:
    first, second = upload(double, image), upload(double, image)
    assert first["changed"] and first["sent_bytes"] == 4 * MIB == first["virtual_size_bytes"]
    assert not second["changed"] and second["sent_bytes"] == 0 and second["uuid"] == first["uuid"]
    assert double.state()["uploaded_bytes"] == 4 * MIB
    stored = next(iter((double.pool.directory).glob("*.raw"))).read_bytes()
    assert stored == image.read_bytes() + bytes(MIB)
    assert remaining(double) == {"VDI": 1}


def test_disk_of_other_content_is_replaced(double: Double, image: Path) -> None:
    first = upload(double, image)
    image.write_bytes(b"other" * 1000)
    check, second = upload(double, image, check=True), upload(double, image)
    assert check["changed"] and check["diff"]["before"]["stale_disks"] == 1
    assert second["changed"] and second["uuid"] != first["uuid"]
    assert remaining(double) == {"VDI": 1}


def test_check_mode_changes_no_disk(double: Double, image: Path) -> None:
    assert upload(double, image, check=True)["changed"]
    assert remaining(double) == {}
    upload(double, image)
    assert run("xenserver_disk", True, connection=connection(double), name="image", state="absent")["changed"]
    assert remaining(double) == {"VDI": 1}


def test_disks_of_others_are_not_changed(double: Double, image: Path) -> None:
    upload(double, image)
    (theirs,) = double.pool.all("VDI").values()
    theirs["other_config"] = {}
    assert upload(double, image)["changed"]
    remove(double)
    assert remaining(double) == {"VDI": 1} and theirs in double.pool.all("VDI").values()


def test_dynamic_vhd_is_uploaded_with_its_content(double: Double, image: Path) -> None:
    vhd = image.with_suffix(".vhd")
    options = ["-f", "raw", "-O", "vpc", "-o", "subformat=dynamic,force_size=on"]
    subprocess.run(["qemu-img", "convert", *options, str(image), str(vhd)], check=True)
    answer = upload(double, vhd)
    assert answer["format"] == "vhd" and answer["virtual_size_bytes"] == 4 * MIB
    assert next(iter(double.pool.directory.glob("*.raw"))).read_bytes()[: 3 * MIB] == image.read_bytes()


def test_disk_in_state_uploading_is_replaced(double: Double, image: Path) -> None:
    upload(double, image)
    (record,) = double.pool.all("VDI").values()
    record["other_config"]["unilab_state"] = "uploading"
    assert upload(double, image)["changed"]
    assert remaining(double) == {"VDI": 1} and record not in double.pool.all("VDI").values()


# Guests.


def test_guest_is_created_and_its_properties_read_back(double: Double, image: Path) -> None:
    disk = upload(double, image)["uuid"]
    wanted = {"vcpus": 2, "cap_percent": 150, "weight": 512, "mask": "0-1"}
    check, first, second = (guest(double, disk, state, **wanted) for state in (True, False, False))
    assert check["changed"] and first["changed"] and not second["changed"]
    hardware = first["hardware"]
    assert {key: hardware[key] for key in wanted} == {**wanted, "mask": "0,1"}
    assert hardware["memory_bytes"] == hardware["memory_dynamic_bytes"] == 64 * MIB
    assert (hardware["mac"], hardware["network"]) == ("02:00:00:00:00:01", NETWORK)
    assert check["diff"]["after"]["cap_percent"] == 150 and check["diff"]["before"]["power_state"] == "absent"
    assert remaining(double) == {"VM": 1, "VDI": 2, "VBD": 1, "VIF": 1}
    gone, _ = remove(double)
    assert gone["changed"] and remaining(double) == {}
    assert not remove(double)[0]["changed"]


@pytest.mark.parametrize(
    "change", [{"memory_mib": 128}, {"vcpus": 2}, {"cap_percent": 50}, {"mac": "02:00:00:00:00:02"}]
)
def test_guest_that_differs_is_recreated(change: dict[str, Any], double: Double, image: Path) -> None:
    disk = upload(double, image)["uuid"]
    first, second = guest(double, disk), guest(double, disk, **change)
    assert second["changed"] and second["uuid"] != first["uuid"] and second["power_state"] == "Running"
    assert remaining(double) == {"VM": 1, "VDI": 2, "VBD": 1, "VIF": 1}


def test_guest_is_stopped_and_restarted(double: Double, image: Path) -> None:
    disk, to = upload(double, image)["uuid"], connection(double)
    guest(double, disk)
    check = run("xenserver_guest", True, connection=to, name="instance", state="stopped")
    stopped = run("xenserver_guest", connection=to, name="instance", state="stopped")
    again = run("xenserver_guest", connection=to, name="instance", state="stopped")
    assert (check["changed"], stopped["changed"], again["changed"]) == (True, True, False)
    assert stopped["power_state"] == "Halted"
    restarted, twice = (guest(double, disk, state="restarted") for _ in range(2))
    assert restarted["changed"] and twice["changed"] and twice["uuid"] == restarted["uuid"]
    assert not run("xenserver_guest", connection=to, name="nobody", state="stopped")["changed"]


def test_vm_of_others_is_not_changed(double: Double, image: Path) -> None:
    disk = upload(double, image)["uuid"]
    theirs = double.pool.add_vm(name_label="instance")
    assert "that unilab did not create" in guest(double, disk)["msg"]
    remove(double)
    assert double.pool.exists("VM", theirs)


def test_command_line_is_written_to_the_clone_only(double: Double, tmp_path: Path) -> None:
    path = boot_disk(tmp_path / "boot.raw")
    content = path.read_bytes()
    disk = upload(double, path)["uuid"]
    guest(double, disk, image=str(path), command_line="--env=A=1 /app")
    clone = next(row for row in double.pool.all("VDI").values() if row["name_label"] != "image")
    stored = (double.pool.directory / f"{clone['uuid']}.raw").read_bytes()
    assert stored[512:].startswith(b"--env=A=1 /app\0") and stored[32768:] == content[32768:]
    assert (double.pool.directory / f"{disk}.raw").read_bytes() == content
    assert double.state()["uploaded_bytes"] == 4 * MIB + 65536


def test_caps_and_memory_are_read_with_their_source(double: Double, image: Path) -> None:
    guest(double, upload(double, image)["uuid"], vcpus=2, cap_percent=150, mask="1")
    of = {"platform": "xenserver", "name": "instance", "connection": connection(double)}
    caps = run("resource_cap", **of, cpus=1.5, memory_mib=64)
    rows = {(row["resource"], row["kind"]): (row["value"], row["source"]) for row in caps["read_back"]}
    assert rows["cpu", "cap"][0] == 1.5 and "VCPUs_params" in rows["cpu", "cap"][1]
    assert rows["cpu", "vcpus"][0] == 2 and rows["cpu", "cpuset"][0] == "1"
    assert rows["memory", "allocation"] == (64 * MIB, "XAPI VM_metrics.memory_actual")
    assert "caps do not hold" in run("resource_cap", **of, cpus=1, memory_mib=64)["msg"]
    footprints = run("footprint", **of, when="idle")["footprints"]
    assert {(row["kind"], row["bytes"]) for row in footprints} == {
        ("allocation", 64 * MIB),
        ("allocation_mean", 64 * MIB),
    }
    remove(double)
    assert "does not run" in run("footprint", **of, when="idle")["msg"]


def test_facts_of_the_host(double: Double) -> None:
    facts = run("xenserver_facts", connection=connection(double), network=NETWORK)
    assert facts["sr"]["free_bytes"] > 0 and facts["network"]["bridge"] == "br0" and facts["template"]
    assert facts["accelerator"] == "none" and not facts["cap_enforced"], "the facts show that it is a double"


# Faults: the right end state or one clear message, and no objects that remain.


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "host_is_slave"},
        {"name": "redirect"},
        {"name": "upload_refused"},
        {"name": "slow_task", "seconds": 0.5},
        {"name": "session_invalid", "at": "VDI.create"},
        {"name": "session_invalid", "at": "task.get_status"},
        {"name": "session_invalid", "at": "VDI.add_to_other_config"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_upload_succeeds_despite_fault(fault: dict[str, Any], double: Double, image: Path) -> None:
    double.pool.faults.add(**fault)
    answer = upload(double, image)
    assert not answer["failed"], answer["msg"]
    assert next(iter(double.pool.directory.glob("*.raw"))).read_bytes()[: 3 * MIB] == image.read_bytes()
    assert remaining(double) == {"VDI": 1}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"name": "upload_fails"}, "upload: XenServer answered INTERNAL_ERROR (Caught exception: the device"),
        ({"name": "early_close", "after_bytes": MIB}, "XenServer answered INTERNAL_ERROR (Caught exception"),
        ({"name": "sr_full"}, "SR_FULL (4194304, 68719476736). Remedy: free space"),
        ({"name": "redirect", "times": 2}, "upload: XenServer answered 302"),
        ({"name": "upload_refused", "times": 2}, "upload: XenServer answered 401"),
        (
            {"name": "answer", "at": "VDI.create", "error": ["RBAC_PERMISSION_DENIED", "VDI.create", "no"]},
            "Remedy: use an account with the role vm-admin",
        ),
        ({"name": "session_invalid", "at": "VDI.create", "times": 3}, "Tried 3 times to get a valid session"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_upload_fails_with_one_message(
    fault: dict[str, Any], message: str, double: Double, image: Path
) -> None:
    double.pool.faults.add(**fault)
    answer = upload(double, image)
    assert answer["failed"] and message in answer["msg"], answer["msg"]
    assert "Traceback" not in answer["msg"] and remaining(double) == {}
    assert upload(double, image)["changed"], "the next upload succeeds"


def test_busy_disk_is_removed_when_it_is_idle(double: Double, image: Path) -> None:
    upload(double, image)
    double.pool.faults.add("vdi_in_use", times=3)
    assert remove(double)[1]["changed"] and remaining(double) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "wrong"}, "SESSION_AUTHENTICATION_FAILED. Remedy: check username and password"),
        ({"ca_file": ""}, "the certificate cannot be trusted"),
        ({"ca_file": "/nowhere"}, "key ca_file: cannot read a certificate"),
        ({"fingerprint": "0" * 64}, "key fingerprint: the host's certificate has"),
        ({"hostname": "localhost", "port": 1}, "no answer from XenServer: [Errno 111]"),
    ],
    ids=["password", "system-ca", "missing-ca", "fingerprint", "nobody"],
)
def test_login_and_certificate_are_refused(
    change: dict[str, Any], message: str, double: Double, image: Path
) -> None:
    answer = upload(double, image, connection=connection(double, **change))
    assert answer["failed"] and message in answer["msg"], answer["msg"]
    assert remaining(double) == {} and "wrong" not in json.dumps(answer.get("invocation", {}))


@pytest.mark.parametrize("how", ["fingerprint", "unverified"])
def test_certificate_is_accepted(how: str, double: Double, image: Path) -> None:
    ways = {
        "fingerprint": {"fingerprint": double.fingerprint.upper()},
        "unverified": {"validate_certs": False},
    }
    assert upload(double, image, connection=connection(double, ca_file="", **ways[how]))["changed"]


def test_silent_server_is_reported(double: Double, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "CONNECT_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        answer = upload(double, image, connection=connection(double, port=port, validate_certs=False))
    assert answer["failed"] and "Remedy: check address and port" in answer["msg"], answer["msg"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"name": "sr_full"}, "SR_FULL"),
        ({"name": "upload_fails"}, "upload: XenServer answered INTERNAL_ERROR"),
        (
            {"name": "answer", "at": "VM.start_on", "error": ["HOST_NOT_ENOUGH_FREE_MEMORY", "9", "1"]},
            "HOST_NOT_ENOUGH_FREE_MEMORY (9, 1). Remedy: shut down other VMs",
        ),
        ({"name": "answer", "at": "VBD.create", "error": ["DEVICE_ALREADY_EXISTS", "0"]}, "DEVICE_ALREADY"),
        ({"name": "answer", "at": "VIF.create", "error": ["MAC_INVALID", "x"]}, "MAC_INVALID"),
        ({"name": "answer", "at": "VM.provision", "error": ["LICENCE_RESTRICTION", "x"]}, "LICENCE_RESTRIC"),
    ],
    ids=lambda value: f"{value['name']}-{value.get('at', '')}" if isinstance(value, dict) else "",
)
def test_failed_creation_leaves_only_the_uploaded_disk(
    fault: dict[str, Any], message: str, double: Double, tmp_path: Path
) -> None:
    path = boot_disk(tmp_path / "boot.raw")
    disk = upload(double, path)["uuid"]
    double.pool.faults.add(**fault)
    answer = guest(double, disk, image=str(path), command_line="/app")
    assert answer["failed"] and message in answer["msg"], answer["msg"]
    assert remaining(double) == {"VDI": 1}, "the uploaded disk, and nothing of the guest"


@pytest.mark.parametrize(
    "at", ["VM.clone", "VM.set_memory_limits", "VBD.create", "VM.start_on", "VM.get_record"]
)
def test_ended_session_is_renewed(at: str, double: Double, image: Path) -> None:
    disk = upload(double, image)["uuid"]
    double.pool.faults.add("session_invalid", at=at)
    answer = guest(double, disk)
    assert answer["power_state"] == "Running" and remaining(double) == {"VM": 1, "VDI": 2, "VBD": 1, "VIF": 1}


def test_bad_input_is_refused(double: Double, image: Path) -> None:
    assert "key cap_percent" in guest(double, "uuid", cap_percent=101)["msg"]
    assert "key disk: no disk has the uuid" in guest(double, "uuid")["msg"]
    assert "key image: missing" in guest(double, "uuid", command_line="/app")["msg"]
    assert "key address: missing" in guest(double, "uuid", nonce="n")["msg"]
    assert "key sr: no storage repository is named" in upload(double, image, sr="elsewhere")["msg"]
    disk = upload(double, image)["uuid"]
    assert "key network: no network is named" in guest(double, disk, network="elsewhere")["msg"]
    assert remaining(double) == {"VDI": 1}


def test_guest_without_answer_is_reported_as_running(double: Double, image: Path) -> None:
    disk = upload(double, image)["uuid"]
    answer = guest(double, disk, nonce="n", address="127.0.0.1", port=1, timeout_s=0.5)
    assert answer["failed"] and answer["ended"] is False and "no right answer within 0.5 s" in answer["msg"]
    double.pool.backend.running.clear()  # type: ignore[attr-defined]
    remove(double)
    assert remaining(double) == {}


# Size and signals, in a process of its own.

BEGIN = """
import sys
sys.path[:0] = [{project!r}, {here!r}]
import json, resource
import ansible.module_utils
ansible.module_utils.__path__.append({project!r} + "/module_utils")
from ansible.module_utils.unilab.platforms.xenserver import tls
from xenservers import run
answer = run("xenserver_disk", connection=json.loads({connection!r}), name="image", path={path!r})
print(json.dumps({{"answer": answer, "rss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}}))
"""


def begin(double: Double, path: Path) -> subprocess.Popen[str]:
    program = BEGIN.format(
        project=str(PROJECT),
        here=str(PROJECT / "tests/unit"),
        connection=json.dumps(connection(double)),
        path=str(path),
    )
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as stream:
        stream.truncate(size)
    return path


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=120)
    assert output, errors
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


def test_upload_of_1_gib_needs_constant_memory(double: Double, tmp_path: Path) -> None:
    small, large = (
        result_of(begin(double, sparse(tmp_path / f"{size}.raw", size * MIB))) for size in (2, 1024)
    )
    assert large["answer"]["sent_bytes"] == 1024 * MIB
    grown_mib = (large["rss_kib"] - small["rss_kib"]) / 1024
    assert grown_mib < 16, f"a thousand times the bytes took {grown_mib:.0f} MiB more memory"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_interrupted_upload_leaves_no_disk(number: signal.Signals, double: Double, tmp_path: Path) -> None:
    double.pool.faults.add("slow_upload", seconds=0.1)
    process = begin(double, sparse(tmp_path / "large.raw", 256 * MIB))
    deadline_s = time.monotonic() + 60
    while double.pool.uploaded_bytes < 4 * MIB and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(number)
    answer = result_of(process)["answer"]
    assert answer["failed"] and "interrupted" in answer["msg"]
    assert 0 < double.pool.uploaded_bytes < 256 * MIB
    assert remaining(double) == {}


def test_disk_of_killed_upload_is_removed_by_the_next(double: Double, tmp_path: Path) -> None:
    double.pool.faults.add("slow_upload", seconds=0.1)
    path = sparse(tmp_path / "image.raw", 128 * MIB)
    process = begin(double, path)
    deadline_s = time.monotonic() + 60
    while double.pool.uploaded_bytes < 4 * MIB and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert double.state()["left_behind"]["VDI"] == 1
    assert upload(double, path)["changed"]
    assert double.state()["left_behind"]["VDI"] == 1
