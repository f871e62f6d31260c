"""The XAPI double: its table against the official data model, and its refusals, which are those of XAPI."""

from __future__ import annotations

import json
import os
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.unilab.platforms.xenserver.tls import Transport, Trust

from tests.doubles.xapi.backends import Nothing
from tests.doubles.xapi.model import MESSAGES, TABLE
from tests.doubles.xapi.server import Double

MODEL = os.environ.get("UNILAB_XENAPI_JSON", "")


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    """XAPI's data model: class to its description."""
    if not MODEL:
        pytest.skip("UNILAB_XENAPI_JSON names no data model (xenapi.json, from xapi's own build)")
    return {row["name"]: row for row in json.loads(Path(MODEL).read_text())}


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_messages_equal_those_of_the_model(name: str, model: dict[str, Any]) -> None:
    ours = MESSAGES[name]
    kind, _, verb = name.partition(".")
    (theirs,) = (row for row in model[kind]["messages"] if row["name"] == verb)
    params = [row for row in theirs["params"] if row["name"] != "session_id"]
    assert ours.params == {row["name"]: row["type"] for row in params}
    assert ours.optional == [row["name"] for row in params if not row["required"]]
    assert ours.result == theirs["result"][0]
    assert ours.errors == [row["name"] for row in theirs["errors"]]
    takes_session = any(row["name"] == "session_id" for row in theirs["params"])
    assert takes_session == ours.takes_session


@pytest.mark.parametrize("kind", sorted(TABLE["constructors"]))
def test_constructors_equal_those_of_the_model(kind: str, model: dict[str, Any]) -> None:
    given = [row for row in model[kind]["fields"] if row["qualifier"] in ("RO/constructor", "RW")]
    required = {row["name"]: row["type"] for row in given if row.get("default") is None}
    optional = {row["name"]: row["type"] for row in given if row.get("default") is not None}
    assert TABLE["constructors"][kind] == {"required": required, "optional": optional}


@pytest.mark.parametrize("kind", sorted(TABLE["fields"]))
def test_fields_equal_those_of_the_model(kind: str, model: dict[str, Any]) -> None:
    theirs = {row["name"]: row["type"] for row in model[kind]["fields"]}
    assert {name: theirs.get(name) for name in TABLE["fields"][kind]} == TABLE["fields"][kind]


def test_enums_equal_those_of_the_model(model: dict[str, Any]) -> None:
    theirs = {
        row["name"]: [value["name"] for value in row["values"]]
        for kind in model.values()
        for row in kind["enums"]
    }
    assert {name: theirs.get(name) for name in TABLE["enums"]} == TABLE["enums"]


def test_error_parameters_equal_those_of_the_model() -> None:
    path = Path(MODEL).with_name("xapi-errors.json") if MODEL else None
    if path is None or not path.is_file():
        pytest.skip("UNILAB_XENAPI_JSON names no data model with xapi-errors.json beside it")
    theirs = json.loads(path.read_text())
    assert {name: theirs[name]["params"] for name in TABLE["errors"]} == TABLE["errors"]


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Double]:
    running = Double(tmp_path / "double", Nothing()).start()
    yield running
    running.stop()


class Caller:
    """Calls as raw XML-RPC, invalid ones too."""

    def __init__(self, double: Double) -> None:
        url = f"https://127.0.0.1:{double.port}/"
        transport = Transport(Trust(ca_file=str(double.certificate)), 20)
        self._proxy = xmlrpc.client.ServerProxy(url, transport=transport)
        self.session = self.call("session.login_with_password", double.user, double.password, "2.0", "t")

    def answer(self, name: str, *params: Any) -> dict[str, Any]:
        return getattr(self._proxy, name)(*params)  # type: ignore[no-any-return]

    def call(self, name: str, *params: Any) -> Any:
        answer = self.answer(name, *params)
        assert answer["Status"] == "Success", answer
        return answer["Value"]

    def refused(self, name: str, *params: Any) -> list[str]:
        answer = self.answer(name, self.session, *params)
        assert answer["Status"] == "Failure", answer
        return answer["ErrorDescription"]  # type: ignore[no-any-return]

    def disk(self, **changes: Any) -> dict[str, Any]:
        (pool,) = self.call("pool.get_all", self.session)
        return {
            "SR": self.call("pool.get_default_SR", self.session, pool),
            "virtual_size": "1048576",
            "type": "user",
            "sharable": False,
            "read_only": False,
            "other_config": {},
            **changes,
        }

    def guest(self) -> str:
        (template,) = self.call("VM.get_by_name_label", self.session, "Other install media")
        vm: str = self.call("VM.clone", self.session, template, "guest")
        self.call("VM.provision", self.session, vm)
        return vm


@pytest.fixture
def caller(double: Double) -> Caller:
    return Caller(double)


def test_valid_call_is_answered(caller: Caller) -> None:
    vdi = caller.call("VDI.create", caller.session, caller.disk())
    record = caller.call("VDI.get_record", caller.session, vdi)
    assert record["virtual_size"] == str(2 << 20), "an int comes as a decimal string, rounded up to 2 MiB"
    assert caller.call("VDI.destroy", caller.session, vdi) == ""


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"virtual_size": 1048576}, ["FIELD_TYPE_ERROR", "virtual_size"]),
        ({"virtual_size": "one"}, ["FIELD_TYPE_ERROR", "virtual_size"]),
        ({"sharable": "false"}, ["FIELD_TYPE_ERROR", "sharable"]),
        ({"type": "usr"}, ["INVALID_VALUE", "type", "usr"]),
        ({"SR": "OpaqueRef:gone"}, ["HANDLE_INVALID", "SR", "OpaqueRef:gone"]),
        ({"other_config": {"key": 1}}, ["FIELD_TYPE_ERROR", "other_config"]),
        ({"colour": "red"}, ["FIELD_TYPE_ERROR", "colour"]),
    ],
)
def test_invalid_constructor_is_refused(changes: dict[str, Any], error: list[str], caller: Caller) -> None:
    assert caller.refused("VDI.create", caller.disk(**changes)) == error


@pytest.mark.parametrize("missing", sorted(TABLE["constructors"]["VDI"]["required"]))
def test_constructor_without_a_required_field_is_refused(missing: str, caller: Caller) -> None:
    disk = caller.disk()
    del disk[missing]
    assert caller.refused("VDI.create", disk) == ["FIELD_TYPE_ERROR", missing]


def test_calls_of_a_wrong_shape_are_refused(caller: Caller) -> None:
    vm = caller.guest()
    assert caller.refused("VM.begin", vm) == ["MESSAGE_METHOD_UNKNOWN", "VM.begin"]
    assert caller.refused("VM.start", vm, False) == ["MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.start", "4", "3"]
    assert caller.refused("VM.start", vm, "no", False) == ["FIELD_TYPE_ERROR", "start_paused"]
    assert caller.refused("VM.set_VCPUs_max", vm, 2) == ["FIELD_TYPE_ERROR", "value"]
    assert caller.refused("VM.set_domain_type", vm, "hvmm") == ["INVALID_VALUE", "value", "hvmm"]


def test_operations_that_xapi_never_does_are_refused(caller: Caller) -> None:
    vm = caller.guest()
    assert caller.refused("VM.add_to_VCPUs_params_live", vm, "cap", "50")[0] == "NOT_IMPLEMENTED"
    assert caller.refused("VM.set_memory_limits", vm, "4", "3", "2", "1") == [
        "MEMORY_CONSTRAINT_VIOLATION_ORDER"
    ]
    assert caller.refused("VM.set_VCPUs_at_startup", vm, "2")[0] == "INVALID_VALUE", "raise the most first"
    caller.call("VM.add_to_other_config", caller.session, vm, "key", "1")
    assert caller.refused("VM.add_to_other_config", vm, "key", "2")[0] == "MAP_DUPLICATE_KEY"
    assert caller.refused("VM.hard_shutdown", vm) == ["VM_BAD_POWER_STATE", vm, "Running", "Halted"]
    assert caller.refused("VDI.get_by_uuid", "none") == ["UUID_INVALID", "VDI", "none"]


def test_running_guest_cannot_be_changed(caller: Caller, double: Double) -> None:
    vm = caller.guest()
    assert caller.refused("VM.start", vm, False, False)[0] == "BOOTLOADER_FAILED", "not hvm"
    caller.call("VM.set_domain_type", caller.session, vm, "hvm")
    caller.call("VM.start", caller.session, vm, False, False)
    for name, params in {
        "VM.start": (False, False),
        "VM.destroy": (),
        "VM.set_VCPUs_max": ("2",),
        "VM.set_memory_limits": ("1", "1", "1", "1"),
    }.items():
        assert caller.refused(name, vm, *params)[:1] == ["VM_BAD_POWER_STATE"], name
    caller.call("VM.hard_shutdown", caller.session, vm)
    caller.call("VM.destroy", caller.session, vm)
    caller.call("session.logout", caller.session)
    assert set(double.state()["left_behind"].values()) == {0}


def test_ended_session_is_refused(caller: Caller, double: Double) -> None:
    double.pool.forget_sessions()
    assert caller.refused("pool.get_all") == ["SESSION_INVALID", caller.session]
