"""One trial assembled from study, image and host: each arm, as campaigns before recorded it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from campaigns import make_study

from contracts.assembly.start import number_of_cpus
from contracts.assembly.trial import seed_of
from contracts.outcome import record_of
from contracts.plan import plan_trials
from contracts.study import Study
from contracts.trial import Instance
from contracts.warm_up import plan_pilots
from filter_plugins.trial.trial import assembled_trial

IMAGE: dict[str, Any] = {
    "path": "/images/todos-go.disk",
    "sha256": "b" * 64,
    "bytes": 7,
    "boot": "kernel",
    "kernel": "/images/kernel",
    "kernel_release": "6.1.0-56-cloud-amd64",
    "initrd": "/images/initrd",
    "artifact_sha256": "a" * 64,
    "cmdline": "/app/server",
    "osv_cmdline_suffix": " !",
    "env": {"MODE": "x"},
}
PREBUILT: dict[str, Any] = {
    "path": "/images/mirage.disk",
    "disk_format": "qcow2",
    "sha256": "c" * 64,
    "bytes": 9,
    "boot": "disk",
    "artifact_sha256": "c" * 64,
    "cmdline": "ip={address}/{prefix_length} n={array_length} m={memory_mib} t={threads} {nonce}",
    "env": {},
    "port": 80,
    "address": "10.9.9.9",
    "identity": "answers",
    "machine": "pc",
}
GUEST_HOST = {"guest_address": "10.77.0.100", "guest_prefix_length": "24", "guest_gateway": "10.77.0.1"}
SETTINGS: dict[str, Any] = {
    "host": "the-host",
    "instance": "unilab-instance",
    "port": 8080,
    "load_dir": "/opt/load",
    "load_processes": 1,
    "master": "10.77.0.10",
    "osv_options": [],
    "nonce": "abc",
    "started_at": "2026-01-02T03:04:05Z",
    "provenance": {"the-host": {"kernel": "6.8", "cpus": 4, "virtualization": "kvm"}, "client": {}},
}
WORDS = "UNILAB_PORT=8080 UNILAB_THREADS=1 UNILAB_NONCE=abc"
STUDY = make_study(
    services=["todos-go", "bubble_sort-go"],
    arms=["docker", "linux-qemu", "osv-qemu", "linux-xenserver", "osv-xenserver", "mirage-qemu"],
    prebuilt={"mirage": {name: {"disk": "d"} for name in ("todos-go", "bubble_sort-go")}},
    caps=[{"memory_mib": 256, "cpus": 1.5}],
)


def trial(
    tmp_path: Path,
    arm: str,
    service: str = "todos-go",
    *,
    host: dict[str, Any] | None = None,
    study: Study = STUDY,
    listed: dict[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """The assembled trial of a cell of ``study``; ``host`` are further variables of its host."""
    (tmp_path / "calibration").mkdir(exist_ok=True)
    for workload in ("todos", "bubble_sort"):
        (tmp_path / f"calibration/{workload}.json").write_text('{"ceiling_per_s": 9000.5}')
    (planned, *_) = [one for one in plan_trials(study) if (one.cell.arm, one.cell.service) == (arm, service)]
    runtime = "prebuilt" if arm == "mirage-qemu" else arm.partition("-")[0]
    image = PREBUILT if runtime == "prebuilt" else IMAGE
    key = f"{arm}/{service}" if runtime == "prebuilt" else service
    variables = {
        **(GUEST_HOST if arm != "docker" else {"ansible_host": "10.77.0.12"}),
        f"{runtime}_image_images": {key: image},
        **(host or {}),
    }
    campaign = {
        "name": "c1",
        "directory": str(tmp_path),
        "study_reference": {"name": "s", "sha256": "0" * 64, "seed": 1},
        "changed": True,
    }
    listed = listed or planned.model_dump(mode="json") | {
        "directory": planned.directory,
        "slug": planned.cell.slug,
    }
    return assembled_trial(listed, campaign, study.model_dump(mode="json"), variables, SETTINGS | settings)


LINUX = (
    "console=ttyS0 quiet panic=-1 UNILAB_IP=10.77.0.100/24 UNILAB_GATEWAY=10.77.0.1 "
    f"MODE=x {WORDS} -- /app/server"
)
OSV = (
    "--rootfs=rofs --ip=eth0,10.77.0.100,255.255.255.0 --defaultgw=10.77.0.1 --nameserver=10.77.0.1 "
    "--env=MODE=x --env=UNILAB_PORT=8080 --env=UNILAB_THREADS=1 --env=UNILAB_NONCE=abc /app/server !"
)


@pytest.mark.parametrize(
    ("arm", "line"),
    [
        ("docker", "/app/server"),
        ("linux-qemu", LINUX),
        ("osv-qemu", OSV),
        ("linux-xenserver", LINUX),
        ("osv-xenserver", OSV),
        ("mirage-qemu", "ip=10.9.9.9/24 n=0 m=256 t=1 abc"),
    ],
)
def test_command_line_is_in_the_runtimes_syntax(tmp_path: Path, arm: str, line: str) -> None:
    found = trial(tmp_path, arm)
    assert found["start"]["command_line"] == line
    assert found["facts"]["instance"]["command_line"] == line


def test_osv_gets_further_options(tmp_path: Path) -> None:
    line = trial(tmp_path, "osv-qemu", osv_options=["--bootchart"])["start"]["command_line"]
    assert line.startswith("--rootfs=rofs --bootchart --ip=")


def test_parameters_of_the_workload_reach_service_and_load(tmp_path: Path) -> None:
    sort, plain = trial(tmp_path, "docker", "bubble_sort-go"), trial(tmp_path, "docker")
    assert sort["start"]["environment"]["UNILAB_ARRAY_LENGTH"] == "2000"
    assert "UNILAB_ARRAY_LENGTH" not in plain["start"]["environment"]
    assert value_of(sort, "--parameters") == "array_length=2000"
    assert "--parameters" not in plain["load"]["command"]
    assert "n=2000" in trial(tmp_path, "mirage-qemu", "bubble_sort-go")["start"]["command_line"]


def value_of(found: dict[str, Any], option: str) -> str:
    command = found["load"]["command"]
    return str(command[command.index(option) + 1])


def test_container_sees_its_host_and_answers_there(tmp_path: Path) -> None:
    found = trial(tmp_path, "docker")
    instance = found["facts"]["instance"]
    assert (instance["address"], instance["kernel"], instance["vcpus"]) == ("10.77.0.12", "6.8", 4)
    assert instance["accelerator"] == found["accelerator"] == "none"
    assert (instance["host_processor"], instance["cpus"], instance["cpu_list"]) == ("kvm", 4, "")
    assert trial(tmp_path, "docker", host={"service_address": "10.0.0.5"})["start"]["address"] == "10.0.0.5"
    published = trial(tmp_path, "docker", host={"service_publish_address": "10.0.0.6"})["start"]
    assert (published["address"], published["publish_address"]) == ("10.77.0.12", "10.0.0.6")
    assert trial(tmp_path, "docker", host={"ansible_host": ""})["start"]["address"] == "the-host"


def test_guest_has_its_own_kernel_address_and_cpus(tmp_path: Path) -> None:
    probed = {"qemu_host_accelerator": {"accelerator": "tcg"}}
    instance = trial(tmp_path, "linux-qemu", host=probed)["facts"]["instance"]
    assert instance == {
        "artifact_sha256": "a" * 64,
        "image_sha256": "b" * 64,
        "image_bytes": 7,
        "kernel": "6.1.0-56-cloud-amd64",
        "accelerator": "tcg",
        "vcpus": 2,
        "host_processor": "kvm",
        "host_groups": [],
        "cpus": 2,
        "cpu_list": "",
        "host_cpu_list": "",
        "network_path": "virtio in QEMU",
        "command_line": LINUX,
        "host": "the-host",
        "address": "10.77.0.100",
        "port": 8080,
        "identified_by": "nonce",
    }


SERVER = {"group_names": ["docker_hosts", "qemu_hosts"], "instance_cpus": "1", "host_cpus": "0"}


@pytest.mark.parametrize(("arm", "accelerator"), [("docker", "none"), ("linux-qemu", "kvm")])
def test_every_arm_of_one_server_gets_the_same_cpus(tmp_path: Path, arm: str, accelerator: str) -> None:
    host = SERVER | {"qemu_host_accelerator": {"accelerator": "kvm"}}
    found = trial(tmp_path, arm, host=host, provenance={"the-host": {"cpus": 2, "virtualization": "qemu"}})
    assert (found["start"]["cpu_list"], found["start"]["host_cpu_list"]) == ("1", "0")
    instance = Instance.model_validate(found["facts"]["instance"])
    assert (instance.accelerator, instance.host_processor, instance.cpus) == (accelerator, "tcg", 1)
    assert instance.host_groups == ["docker_hosts", "qemu_hosts"]
    assert instance.processor == "the-host (tcg)" and instance.is_emulated


def test_guest_cpus_bind_guests_alone(tmp_path: Path) -> None:
    host = {"guest_cpus": "2-3"}
    assert trial(tmp_path, "docker", host=host)["start"]["cpu_list"] == ""
    assert trial(tmp_path, "linux-qemu", host=host)["start"]["cpu_list"] == "2-3"


@pytest.mark.parametrize(("text", "number"), [("", 0), ("1", 1), ("0,2-3", 3), ("0-1", 2)])
def test_cpus_of_a_list_are_counted(text: str, number: int) -> None:
    assert number_of_cpus(text) == number


def test_prebuilt_is_recognised_by_its_workloads_answer(tmp_path: Path) -> None:
    found = trial(tmp_path, "mirage-qemu", "bubble_sort-go")
    start, responses = found["start"], Path("services/bubble_sort/responses.json")
    first = json.loads((Path(__file__).resolve().parents[4] / responses).read_text())[0]
    assert start["answer"] == {
        "path": first["path"],
        "status": first["status"],
        "body": first["body"].replace("{array_length}", "2000"),
    }
    assert (start["nonce"], start["address"], start["port"]) == ("", "10.9.9.9", 80)
    assert (start["disk_writes"], found["image"]["machine"]) == ("discarded", "pc")
    assert found["identity"] == found["facts"]["instance"]["identified_by"] == "answers"
    assert value_of(found, "--identity") == "answers" and "--expect-nonce" not in found["load"]["command"]


def test_services_of_ours_are_recognised_by_nonce(tmp_path: Path) -> None:
    found = trial(tmp_path, "osv-qemu")
    assert (found["start"]["nonce"], found["start"]["answer"]) == ("abc", None)
    assert value_of(found, "--expect-nonce") == "abc"
    assert value_of(found, "--expect-artifact") == "a" * 64 and value_of(found, "--expect-threads") == "1"
    assert found["start"]["disk_writes"] == "refused"


@pytest.mark.parametrize(
    ("arm", "boot", "written"),
    [("osv-qemu", "disk", True), ("osv-qemu", "kernel", False), ("linux-qemu", "disk", False)],
)
def test_only_an_osv_disk_takes_its_command_line_in_its_sectors(
    tmp_path: Path, arm: str, boot: str, written: bool
) -> None:
    images = {"todos-go": IMAGE | {"boot": boot}}
    host = {"osv_image_images": images, "linux_image_images": images}
    assert trial(tmp_path, arm, host=host)["start"]["disk_command_line"] is written


def test_caps_are_in_the_platforms_units(tmp_path: Path) -> None:
    start = trial(tmp_path, "linux-xenserver")["start"]
    assert (start["cpus"], start["vcpus"], start["cap_percent"], start["memory_mib"]) == (1.5, 2, 150, 256)


def test_network_card_depends_on_host_and_instance_alone(tmp_path: Path) -> None:
    digits = hashlib.sha256(b"the-hostunilab-instance").hexdigest()
    mac = "02:00:" + ":".join(digits[at : at + 2] for at in (0, 2, 4, 6))
    assert trial(tmp_path, "linux-xenserver", nonce="other")["start"]["mac"] == mac
    assert trial(tmp_path, "linux-xenserver", instance="other")["start"]["mac"] != mac


def test_host_variables_reach_the_start(tmp_path: Path) -> None:
    host = {
        "guest_cpus": "1",
        "guest_namespace": "switch",
        "qemu_host_bridge": "br7",
        "qemu_host_vhost": True,
        "xenserver_host_network": "guests",
        "xenserver_host_member": "member",
        "xenserver_image_disks": {IMAGE["path"]: "uuid"},
    }
    start = trial(tmp_path, "linux-xenserver", host=host)["start"]
    keys = ("cpu_list", "namespace", "bridge", "vhost", "network", "pool_member", "disk_uuid")
    assert [start[key] for key in keys] == ["1", "switch", "br7", True, "guests", "member", "uuid"]
    defaults = trial(tmp_path, "linux-qemu")["start"]
    network = "Pool-wide network associated with eth0"
    assert [defaults[key] for key in keys] == ["", "", "br0", False, network, "", ""]


def test_image_may_have_a_port_of_its_own(tmp_path: Path) -> None:
    found = trial(tmp_path, "docker", port=8081)
    assert found["start"]["port"] == 8081 and found["start"]["environment"]["UNILAB_PORT"] == "8081"
    assert value_of(found, "--host") == "http://10.77.0.12:8081"
    assert value_of(trial(tmp_path, "mirage-qemu", port=8081), "--host") == "http://10.9.9.9:80"


def test_pilot_has_its_own_folder_and_load(tmp_path: Path) -> None:
    (pilot, *_) = plan_pilots(
        make_study(load={"todos": {"users": 4, "duration_s": 5}}, services=["todos-go"])
    )
    listed = pilot.model_dump(mode="json") | {"directory": pilot.directory, "slug": "s", "load": {}}
    study = make_study(load={"todos": {"users": 4, "warm_up_s": 0, "duration_s": 20}}, services=["todos-go"])
    found = trial(tmp_path, pilot.cell.arm, study=study, listed=listed)
    assert found["directory"] == f"{tmp_path}/trials/../pilots/P001-{pilot.cell.slug}"
    assert found["facts"]["id"] == "P001" and value_of(found, "--duration-s") == "20.0"
    assert found["load"]["output"].endswith("P001")


@pytest.mark.parametrize(("name", "seed"), [("0007", 7), ("P012", 12)])
def test_seed_is_the_number_of_the_trial(name: str, seed: int) -> None:
    assert seed_of(name) == seed


def test_facts_make_a_record(tmp_path: Path) -> None:
    facts = trial(tmp_path, "docker")["facts"] | {"ended_at": "2026-01-02T03:05:05Z"}
    record = record_of(facts, {})
    assert (record.cell.arm, record.end.state, record.campaign) == ("docker", "failed", "c1")
    assert record.instance and record.instance.image_bytes == 7
    assert record.provenance == SETTINGS["provenance"]


def test_control_is_the_arm_that_it_repeats(tmp_path: Path) -> None:
    study = make_study(services=["todos-go"], arms=["docker", "linux-qemu"], control="linux-qemu")
    first = trial(tmp_path, "linux-qemu", study=study)
    again = [one for one in plan_trials(study) if one.cell.arm == "linux-qemu-again"]
    assert again and first["arm"]["name"] == "linux-qemu"
    images = {"linux_image_images": {"todos-go": IMAGE}}
    assert trial(tmp_path, "linux-qemu-again", host=images, study=study)["arm"] == first["arm"]


@pytest.mark.parametrize(
    ("arm", "host", "message"),
    [
        ("linux-qemu", {"guest_address": ""}, r"inventory host the-host: key guest_address: missing.*Remedy"),
        ("linux-qemu", {"guest_address": "10.77.0"}, r"inventory host the-host: key guest_address: .*Remedy"),
        ("linux-qemu", {"guest_prefix_length": 40}, r"inventory host the-host: key guest_prefix_length"),
        ("osv-qemu", {"osv_image_images": {}}, r"key osv_image_images: no image of todos-go.*role osv_image"),
        (
            "linux-qemu",
            {"linux_image_images": {"todos-go": IMAGE | {"env": {"A": "b c"}}}},
            r"environment: key A: .*white space",
        ),
        ("docker", {"docker_image_images": {"todos-go": {"name": "x"}}}, r"key sha256: Field required"),
    ],
)
def test_bad_input_names_host_key_and_remedy(
    tmp_path: Path, arm: str, host: dict[str, Any], message: str
) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        trial(tmp_path, arm, host=host)


@pytest.mark.parametrize("content", [None, "", "[]", '{"ceiling_per_s": "many"}', '{"ceiling_per_s": true}'])
def test_damaged_calibration_is_named(tmp_path: Path, content: str | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        read = Path.read_text

        def read_text(path: Path, **options: Any) -> str:
            if path.name == "todos.json" and content is None:
                raise FileNotFoundError(2, "No such file or directory")
            return (content or "") if path.name == "todos.json" else read(path, **options)

        patch.setattr(Path, "read_text", read_text)
        with pytest.raises(AnsibleFilterError, match=r"calibration/todos\.json.*Remedy: remove the file"):
            trial(tmp_path, "docker")


def test_native_process_has_the_linux_guests_root_and_the_containers_environment(tmp_path: Path) -> None:
    study = make_study(services=["todos-go"], arms=["native", "docker"], caps=[{"memory_mib": 256}])
    host = {"ansible_host": "10.77.0.12", "linux_image_images": {"todos-go": IMAGE}, **SERVER}
    native = trial(tmp_path, "native", study=study, host=host)
    docker = trial(tmp_path, "docker", study=study, host=host)
    assert native["start"]["command_line"] == "/app/server" and native["start"]["driven"]
    for key in ("environment", "address", "port", "cpus", "memory_mib", "cpu_list", "nonce"):
        assert native["start"][key] == docker["start"][key]
    assert native["image"]["path"] == IMAGE["path"]
    instance = native["facts"]["instance"]
    assert (instance["accelerator"], instance["cpus"]) == ("none", 1)


SLOW_HOST = {
    "driven_over_ssh": True,
    "ansible_host": "10.77.0.12",
    "ansible_user": "root",
    "ansible_port": 2222,
    "ansible_ssh_private_key_file": "/key",
    "ansible_ssh_common_args": "-o 'ProxyCommand=nc %h %p'",
    "ansible_control_path": "%(directory)s/lab-%%h-%%p",
}


def test_slow_host_is_driven_over_the_connection_that_ansible_has(tmp_path: Path) -> None:
    start = trial(tmp_path, "linux-qemu", host=SLOW_HOST, control_directory="/sockets")["start"]
    assert start["driven"] and start["ssh"][0] == "ssh" and start["ssh"][-1] == "10.77.0.12"
    words = start["ssh"]
    assert words[words.index("ControlPath=/sockets/lab-%h-%p") - 1] == "-o"
    assert {"User=root", "Port=2222", "ProxyCommand=nc %h %p", "BatchMode=yes"} < set(words)
    assert words[words.index("-i") + 1] == "/key"


@pytest.mark.parametrize(
    ("arm", "host", "driven"),
    [
        ("docker", SLOW_HOST, True),
        ("docker", {}, False),
        ("linux-qemu", {}, False),
        # A disk that must be opened on its host before it is booted.
        ("mirage-qemu", SLOW_HOST, False),
        ("osv-qemu", SLOW_HOST | {"osv_image_images": {"todos-go": IMAGE | {"boot": "disk"}}}, False),
        ("linux-xenserver", SLOW_HOST, False),
    ],
)
def test_hosts_are_driven_where_the_inventory_says_so(
    tmp_path: Path, arm: str, host: dict[str, Any], driven: bool
) -> None:
    start = trial(tmp_path, arm, host=host)["start"]
    assert (start["driven"], bool(start["ssh"])) == (driven, driven)


@pytest.mark.parametrize(
    ("arm", "network", "host", "found"),
    [
        ("docker", None, {}, (False, False, "published port")),
        ("docker", {"container": "host"}, {}, (True, False, "the host's network")),
        ("linux-qemu", None, {"qemu_host_vhost": True}, (False, True, "vhost-net")),
        ("linux-qemu", {"guest": "virtio"}, {"qemu_host_vhost": True}, (False, False, "virtio in QEMU")),
        ("linux-qemu", {"guest": "vhost"}, {}, (False, True, "vhost-net")),
        ("linux-xenserver", {"guest": "virtio"}, {}, (False, False, "")),
    ],
)
def test_study_chooses_the_network_path_and_the_record_has_it(
    tmp_path: Path,
    arm: str,
    network: dict[str, str] | None,
    host: dict[str, Any],
    found: tuple[bool, bool, str],
) -> None:
    study = STUDY.model_validate(STUDY.model_dump() | {"network": network})
    made = trial(tmp_path, arm, study=study, host=host)
    start, instance = made["start"], made["facts"]["instance"]
    assert (start["host_network"], start["vhost"], instance["network_path"]) == found
    # Campaigns of studies without the key keep their hash.
    assert (study.sha256 == STUDY.sha256) is (network is None)
