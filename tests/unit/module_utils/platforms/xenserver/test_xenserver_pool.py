"""A pool: members with certificates of their own, and the member that runs a guest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xenservers import connection, run

from tests.doubles.xapi.backends import Nothing
from tests.doubles.xapi.pool import Pool
from tests.doubles.xapi.server import Double

NETWORK = "Pool-wide network associated with eth0"
MEMBERS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Double]]:
    """Three members of one pool, each with its own certificate; the first is the coordinator."""
    pool = Pool(tmp_path / "disks", Nothing(), members=len(MEMBERS))
    doubles: list[Double] = []
    for address in MEMBERS:
        port = doubles[0].port if doubles else 0
        doubles.append(
            Double(tmp_path / address, pool.backend, port=port, address=address, pool=pool).start()
        )
    yield doubles
    for double in doubles:
        double.stop()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.raw"
    path.write_bytes(os.urandom(3 << 20))
    return path


def to(members: list[Double], named: int = 0, **changes: Any) -> dict[str, Any]:
    return connection(members[0], **{"hostname": MEMBERS[named], "ca_file": "", **changes})


def upload(image: Path, connection: dict[str, Any]) -> dict[str, Any]:
    return run("xenserver_disk", connection=connection, name="image", path=str(image))


def start(members: list[Double], image: Path, **changes: Any) -> dict[str, Any]:
    trusted = to(members, fingerprint=[double.fingerprint for double in members])
    disk = upload(image, trusted)["uuid"]
    wanted = {"disk": disk, "memory_mib": 64, "network": NETWORK, "mac": "02:00:00:00:00:01", **changes}
    return run("xenserver_guest", connection=trusted, name="instance", **wanted)


# Certificates.


@pytest.mark.parametrize("form", ["list", "mapping", "text", "ca_file"])
@pytest.mark.parametrize("way", ["coordinator", "member", "redirect"])
def test_pool_is_used_when_all_members_are_trusted(
    way: str, form: str, members: list[Double], image: Path, tmp_path: Path
) -> None:
    pem = tmp_path / "pool.pem"
    pem.write_text("".join(double.certificate.read_text() for double in members))
    trust: dict[str, Any] = {
        "list": {"fingerprint": [double.fingerprint for double in members]},
        "mapping": {"fingerprint": {double.address: double.fingerprint for double in members}},
        "text": {"fingerprint": ",".join(double.fingerprint for double in members)},
        "ca_file": {"ca_file": str(pem)},
    }[form]
    _send_on(way, members)
    answer = upload(image, to(members, named=1 if way == "member" else 0, **trust))
    assert not answer["failed"] and answer["sent_bytes"] == 4 << 20, answer


def _send_on(way: str, members: list[Double]) -> None:
    faults = members[0].pool.faults
    if way == "member":
        faults.add("host_is_slave")
    elif way == "redirect":
        faults.add("redirect", to=f"https://{MEMBERS[2]}:{members[2].port}")


@pytest.mark.parametrize(
    ("way", "trusted", "message"),
    [
        (
            "member",
            1,
            "127.0.0.1:{port}: key fingerprint: .* coordinator of the pool, which the member 127.0.0.2",
        ),
        ("member", 0, "127.0.0.2:{port}: key fingerprint: .*for a pool, give those of all members"),
        ("redirect", 0, "127.0.0.3:{port}: key fingerprint: .* redirected the upload to it"),
    ],
    ids=["coordinator-unknown", "member-unknown", "storage-unknown"],
)
def test_unknown_certificate_of_a_member_is_reported_with_its_origin(
    way: str, trusted: int, message: str, members: list[Double], image: Path
) -> None:
    _send_on(way, members)
    named = 1 if way == "member" else 0
    answer = upload(image, to(members, named, fingerprint=members[trusted].fingerprint))
    assert answer["failed"]
    assert re.search(message.format(port=members[0].port), answer["msg"]), answer["msg"]
    assert answer["msg"].count("Remedy: ") == 1, answer["msg"]
    assert not members[0].pool.all("VDI")


def test_fingerprint_of_another_member_is_refused_where_one_is_given_per_address(
    members: list[Double], image: Path
) -> None:
    swapped = {MEMBERS[0]: members[1].fingerprint, MEMBERS[1]: members[0].fingerprint}
    answer = upload(image, to(members, fingerprint=swapped))
    assert answer["failed"] and members[0].fingerprint in answer["msg"]


def test_ca_file_without_a_member_is_refused_with_its_origin(members: list[Double], image: Path) -> None:
    members[0].pool.faults.add("host_is_slave")
    answer = upload(image, to(members, named=1, ca_file=str(members[1].certificate)))
    assert (
        "the certificate cannot be trusted" in answer["msg"] and "which the member 127.0.0.2" in answer["msg"]
    )


def test_coordinator_that_names_another_coordinator_is_refused(members: list[Double], image: Path) -> None:
    members[0].pool.faults.add("host_is_slave", times=2)
    answer = upload(image, to(members, fingerprint=[double.fingerprint for double in members]))
    assert "HOST_IS_SLAVE (127.0.0.1). Remedy: give the address of the pool's coordinator" in answer["msg"]


# The host of a guest.


def test_guest_runs_on_the_coordinator_by_default(members: list[Double], image: Path) -> None:
    answer = start(members, image)
    assert not answer["failed"], answer["msg"]
    assert answer["host"] == {"uuid": _uuid(members, 0), "name": "xapi-double", "address": "127.0.0.1"}
    assert members[0].pool.used["VM.start_on"] == 1 and "VM.start" not in members[0].pool.used


def _uuid(members: list[Double], number: int) -> str:
    return str(list(members[0].pool.all("host").values())[number]["uuid"])


@pytest.mark.parametrize("by", ["name", "uuid", "address"])
def test_guest_runs_on_the_named_member(by: str, members: list[Double], image: Path) -> None:
    host = {"name": "xapi-double-3", "uuid": _uuid(members, 2), "address": "127.0.0.3"}
    first = start(members, image, host=host[by])
    assert first["host"] == host
    assert not start(members, image, host=host[by])["changed"]
    moved = start(members, image, host="xapi-double-2")
    assert moved["changed"] and moved["host"]["name"] == "xapi-double-2" and moved["uuid"] == first["uuid"]
    assert not start(members, image)["changed"], "without a name a running guest stays where it is"


def test_other_member_is_chosen_where_the_coordinator_cannot_run_the_guest(
    members: list[Double], image: Path
) -> None:
    hosts = list(members[0].pool.all("host").values())
    hosts[0]["enabled"] = False
    answer = start(members, image)
    assert answer["host"]["uuid"] == min(_uuid(members, 1), _uuid(members, 2))
    for host in hosts:
        host["enabled"] = False
    run("xenserver_guest", connection=to(members, validate_certs=False), name="instance", state="absent")
    assert "no member of the pool can run the guest. Remedy: " in start(members, image)["msg"]
    assert not [vm for vm in members[0].pool.all("VM").values() if not vm["is_a_template"]]


def test_disabled_and_unknown_members_are_refused(members: list[Double], image: Path) -> None:
    list(members[0].pool.all("host").values())[1]["enabled"] = False
    assert "HOST_DISABLED" in start(members, image, host="xapi-double-2")["msg"]
    message = start(members, image, host="elsewhere")["msg"]
    assert "key host: no member of the pool is named 'elsewhere'" in message and "xapi-double-3" in message
    assert not [vm for vm in members[0].pool.all("VM").values() if not vm["is_a_template"]]


def test_facts_are_those_of_the_named_member(members: list[Double]) -> None:
    for name, address in {"": "127.0.0.1", "xapi-double-2": "127.0.0.2"}.items():
        facts = run("xenserver_facts", connection=to(members, validate_certs=False), host=name)
        assert facts["host"]["address"] == address
        assert {member["address"] for member in facts["members"]} == set(MEMBERS)
