"""A pool: its objects, and the effect of each message on them."""

from __future__ import annotations

import json
import re
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

from tests.doubles.xapi.backends import Backend, Disk, Hardware, Vif
from tests.doubles.xapi.faults import Faults
from tests.doubles.xapi.model import NULL, Failure, check_call, encode, message

MIB = 1024 * 1024
SR_BYTES = 64 * 1024 * MIB
ALIGNMENT_BYTES = 2 * MIB  # VHD-based SRs round a disk up to it
TEMPLATE = "Other install media"
USER, PASSWORD = "root", "double-secret"

Record = dict[str, Any]


class Pool:
    """All objects, by class and reference, and the answers to calls.

    Attributes:
        address: of the coordinator, which is the first of the members.
        used: names of the messages that succeeded, with the number of calls.
        refused: messages that were answered by an error, with the error.
    """

    def __init__(self, directory: Path, backend: Backend, bridge: str = "br0", members: int = 1) -> None:
        self.directory, self.backend, self.faults = directory, backend, Faults()
        self.address = "127.0.0.1"
        self.used: dict[str, int] = {}
        self.refused: list[list[str]] = []
        self.uploaded_bytes = 0
        self.lock = threading.RLock()
        self._objects: dict[str, dict[str, Record]] = {}
        self._sessions: set[str] = set()
        directory.mkdir(parents=True, exist_ok=True)
        hosts = [self._add_host(number) for number in range(1, members + 1)]
        self._add_pool(bridge, hosts[0])

    def _add_host(self, number: int) -> str:
        return self.add(
            "host",
            name_label="xapi-double" if number == 1 else f"xapi-double-{number}",
            address=f"127.0.0.{number}",
            enabled=True,
            software_version={
                "product_brand": "unilab XAPI double",
                "product_version": "1",
                "platform_version": "1",
                "xapi": "none",
                "xen": "none",
                "linux": "none",
                "unilab_accelerator": self.backend.accelerator,
                "unilab_cap_enforced": str(self.backend.enforces_cap).lower(),
            },
            cpu_info={"cpu_count": "2", "modelname": "double", "speed": "0", "vendor": "none"},
            API_version_major=2,
            API_version_minor=21,
        )

    def _add_pool(self, bridge: str, coordinator: str) -> None:
        sr = self.add(
            "SR",
            name_label="Local storage",
            type="ext",
            content_type="user",
            physical_size=SR_BYTES,
            physical_utilisation=0,
        )
        self.add("network", name_label="Pool-wide network associated with eth0", bridge=bridge)
        self.add("pool", name_label="", master=coordinator, default_SR=sr)
        self.add_vm(name_label=TEMPLATE, is_a_template=True)

    def add(self, kind: str, **fields: Any) -> str:
        """Add an object and return its reference."""
        ref = f"OpaqueRef:{uuid.uuid4()}"
        self._objects.setdefault(kind, {})[ref] = {"uuid": str(uuid.uuid4()), **fields}
        return ref

    def add_vm(self, **fields: Any) -> str:
        """Add a halted VM and return its reference."""
        record = {
            "name_description": "",
            "power_state": "Halted",
            "is_a_template": False,
            "memory_static_min": 16 * MIB,
            "memory_dynamic_min": 256 * MIB,
            "memory_dynamic_max": 256 * MIB,
            "memory_static_max": 256 * MIB,
            "VCPUs_params": {},
            "VCPUs_max": 1,
            "VCPUs_at_startup": 1,
            "actions_after_reboot": "restart",
            "actions_after_crash": "restart",
            "HVM_boot_policy": "BIOS order",
            "HVM_boot_params": {"order": "cdn"},
            "other_config": {},
            "domid": -1,
            "guest_metrics": NULL,
            "domain_type": "unspecified",
            "is_control_domain": False,
            "resident_on": NULL,
        }
        metrics = self.add("VM_metrics", memory_actual=0, VCPUs_number=0, VCPUs_params={})
        return self.add("VM", **(record | fields), metrics=metrics)

    # For tests and the server.

    def exists(self, kind: str, ref: str) -> bool:
        """Whether there is an object of this class and reference."""
        return ref in self._objects.get(kind, {})

    def get(self, kind: str, ref: str) -> Record:
        """The record of a reference. Raises Failure."""
        if not self.exists(kind, ref):
            raise Failure("HANDLE_INVALID", kind, ref)
        return self._objects[kind][ref]

    def all(self, kind: str) -> dict[str, Record]:
        """Every object of a class."""
        return self._objects.get(kind, {})

    def left_behind(self) -> dict[str, int]:
        """Number of the objects that calls have created, and of open sessions."""
        counts = {kind: len(self.all(kind)) for kind in ("VDI", "VBD", "VIF", "task")}
        vms = sum(not vm["is_a_template"] for vm in self.all("VM").values())
        return {"VM": vms, **counts, "session": len(self._sessions)}

    def is_session(self, ref: str) -> bool:
        """Whether a session is open."""
        return ref in self._sessions

    def forget_sessions(self) -> None:
        """As after a restart of XAPI."""
        self._sessions.clear()

    def disk_path(self, ref: str) -> Path:
        """The file of a VDI."""
        return self.directory / f"{self.get('VDI', ref)['uuid']}.raw"

    def close(self) -> None:
        """End every VM."""
        with self.lock:
            for vm in self.all("VM").values():
                self.backend.stop(vm["uuid"])

    # The call.

    def call(self, name: str, params: tuple[Any, ...]) -> Record:
        """Answer a call as XAPI does: Status and Value, or Status and ErrorDescription."""
        with self.lock:
            try:
                value = self._answer(name, params)
            except Failure as failure:
                self.refused.append([name, *failure.description])
                self._log(name, failure.description)
                return {"Status": "Failure", "ErrorDescription": failure.description}
            self.used[name] = self.used.get(name, 0) + 1
            self._log(name, [])
            return {"Status": "Success", "Value": value}

    def _answer(self, name: str, params: tuple[Any, ...]) -> Any:
        called = message(name)
        if self.faults.take("session_invalid", at=name):
            self.forget_sessions()
        if called.takes_session:
            session, params = (str(params[0]) if params else ""), params[1:]
            if not self.is_session(session):
                raise Failure("SESSION_INVALID", session)
            if name == "session.logout":
                self._sessions.discard(session)
                return ""
        check_call(called, params, self.exists)
        fault = self.faults.take("answer", at=name)
        if fault:
            raise Failure(*fault["error"])
        kind, _, verb = name.partition(".")
        handler = getattr(self, f"_{kind}_{verb}", None)
        value = handler(*params) if handler else self._generic(kind, verb, params)
        return encode(called.result, value)

    def _generic(self, kind: str, verb: str, params: tuple[Any, ...]) -> Any:
        if verb == "get_all":
            return list(self.all(kind))
        if verb == "get_by_name_label":
            return [ref for ref, record in self.all(kind).items() if record["name_label"] == params[0]]
        if verb == "get_by_uuid":
            for ref, record in self.all(kind).items():
                if record["uuid"] == params[0]:
                    return ref
            raise Failure("UUID_INVALID", kind, params[0])
        record = self._refreshed(kind, params[0])
        if verb.startswith("get_"):
            return record if verb == "get_record" else record[verb.removeprefix("get_")]
        return self._change(kind, verb, record, params)

    def _change(self, kind: str, verb: str, record: Record, params: tuple[Any, ...]) -> None:
        if verb.startswith("set_"):
            record[verb.removeprefix("set_")] = params[1]
        elif verb.startswith("add_to_"):
            field = verb.removeprefix("add_to_")
            if params[1] in record[field]:
                raise Failure("MAP_DUPLICATE_KEY", kind, field, record["uuid"], params[1])
            record[field][params[1]] = params[2]
        elif verb.startswith("remove_from_"):
            record[verb.removeprefix("remove_from_")].pop(params[1], None)
        else:
            raise AssertionError(f"the double lacks {kind}.{verb}, which its table has")

    def _refreshed(self, kind: str, ref: str) -> Record:
        record = self.get(kind, ref)
        if kind == "VM":
            self._note_end(record)
            record["VBDs"] = [vbd for vbd, row in self.all("VBD").items() if row["VM"] == ref]
            record["VIFs"] = [vif for vif, row in self.all("VIF").items() if row["VM"] == ref]
        if kind == "VDI":
            record["VBDs"] = [vbd for vbd, row in self.all("VBD").items() if row["VDI"] == ref]
        if kind == "SR":
            used = sum(row["virtual_size"] for row in self.all("VDI").values() if row["SR"] == ref)
            record["physical_utilisation"] = used
        return record

    def _note_end(self, vm: Record) -> None:
        """A guest that ended by itself halts: the double has no reboot."""
        if vm["power_state"] == "Running" and not self.backend.is_running(vm["uuid"]):
            self._halted(vm)

    def _halted(self, vm: Record) -> None:
        self.backend.stop(vm["uuid"])
        vm["power_state"], vm["domid"], vm["resident_on"] = "Halted", -1, NULL
        self.get("VM_metrics", vm["metrics"]).update(memory_actual=0, VCPUs_number=0, VCPUs_params={})

    def _log(self, name: str, error: list[str]) -> None:
        with (self.directory / "calls.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([name, *error]) + "\n")

    # Sessions and tasks.

    def _session_login_with_password(self, user: str, password: str, *_: str) -> str:
        if self.faults.take("host_is_slave"):
            raise Failure("HOST_IS_SLAVE", self.address)
        if (user, password) != (USER, PASSWORD):
            raise Failure("SESSION_AUTHENTICATION_FAILED")
        session = f"OpaqueRef:{uuid.uuid4()}"
        self._sessions.add(session)
        return session

    def _task_create(self, label: str, description: str) -> str:
        return self.add("task", name_label=label, status="pending", progress=0.0, error_info=[])

    def _task_cancel(self, ref: str) -> None:
        task = self.get("task", ref)
        if task["status"] == "pending":
            task.update(status="cancelled", error_info=["TASK_CANCELLED", ref])

    def _task_destroy(self, ref: str) -> None:
        del self._objects["task"][ref]

    # Disks.

    def _VDI_create(self, args: Record) -> str:
        size = -(-int(args["virtual_size"]) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        self._require_space(args["SR"], size)
        record = {"name_label": "", "busy": False, **args, "virtual_size": size}
        ref = self.add("VDI", **record)
        with self.disk_path(ref).open("wb") as stream:
            stream.truncate(size)
        return ref

    def _VDI_clone(self, source: str, _: dict[str, str] | None = None) -> str:
        record = self.get("VDI", source)
        self._require_idle(source, "clone")
        self._require_space(record["SR"], record["virtual_size"])
        other_config = dict(record["other_config"])
        ref = self.add("VDI", **{**record, "uuid": str(uuid.uuid4()), "other_config": other_config})
        # The copy may share blocks with its source where the file system can, as a VHD does with its parent.
        shutil.copyfile(self.disk_path(source), self.disk_path(ref))
        return ref

    def _VDI_destroy(self, ref: str) -> None:
        if self.faults.take("vdi_in_use"):
            raise Failure("VDI_IN_USE", ref, "destroy")
        self._require_idle(ref, "destroy")
        self.disk_path(ref).unlink(missing_ok=True)
        for vbd in [vbd for vbd, row in self.all("VBD").items() if row["VDI"] == ref]:
            del self._objects["VBD"][vbd]
        del self._objects["VDI"][ref]

    def _require_space(self, sr: str, size: int) -> None:
        free = SR_BYTES - self._refreshed("SR", sr)["physical_utilisation"]
        if size > free or self.faults.take("sr_full"):
            raise Failure("SR_FULL", str(size), str(free))

    def _require_idle(self, ref: str, operation: str) -> None:
        attached = [
            row for row in self.all("VBD").values() if row["VDI"] == ref and row["currently_attached"]
        ]
        used_by_vm = any(self._refreshed("VM", row["VM"])["power_state"] != "Halted" for row in attached)
        if used_by_vm or self.get("VDI", ref)["busy"]:
            raise Failure("VDI_IN_USE", ref, operation)

    def _VBD_create(self, args: Record) -> str:
        taken = [row["userdevice"] for row in self.all("VBD").values() if row["VM"] == args["VM"]]
        if args["userdevice"] in taken:
            raise Failure("DEVICE_ALREADY_EXISTS", args["userdevice"])
        if not re.fullmatch(r"\d+", args["userdevice"]):
            raise Failure("INVALID_DEVICE", args["userdevice"])
        return self.add("VBD", **args, currently_attached=False)

    def _VIF_create(self, args: Record) -> str:
        taken = [row["device"] for row in self.all("VIF").values() if row["VM"] == args["VM"]]
        if args["device"] in taken:
            raise Failure("DEVICE_ALREADY_EXISTS", args["device"])
        mac = args["MAC"] or f"02:00:00:{uuid.uuid4().hex[:2]}:{uuid.uuid4().hex[:2]}:{uuid.uuid4().hex[:2]}"
        if not re.fullmatch(r"([0-9a-f][02468ace])(:[0-9a-f]{2}){5}", mac.lower()):
            raise Failure("MAC_INVALID", mac)
        return self.add("VIF", **{**args, "MAC": mac.lower()})

    # Guests.

    def _VM_clone(self, source: str, name: str) -> str:
        vm = self.get("VM", source)
        self._require_state(source, "Halted")
        kept = {key: value for key, value in vm.items() if key not in ("uuid", "metrics", "VBDs", "VIFs")}
        return self.add_vm(**{**kept, "name_label": name, "other_config": dict(vm["other_config"])})

    def _VM_provision(self, ref: str) -> None:
        self.get("VM", ref)["is_a_template"] = False

    def _VM_set_memory_limits(
        self, ref: str, static_min: str, static_max: str, dynamic_min: str, dynamic_max: str
    ) -> None:
        self._require_state(ref, "Halted")
        limits = [int(value) for value in (static_min, dynamic_min, dynamic_max, static_max)]
        if limits != sorted(limits):
            raise Failure("MEMORY_CONSTRAINT_VIOLATION_ORDER")
        names = ("memory_static_min", "memory_dynamic_min", "memory_dynamic_max", "memory_static_max")
        self.get("VM", ref).update(zip(names, limits, strict=True))

    def _VM_set_VCPUs_max(self, ref: str, value: str) -> None:
        self._require_state(ref, "Halted")
        self._set_vcpus(ref, startup=self.get("VM", ref)["VCPUs_at_startup"], most=int(value))

    def _VM_set_VCPUs_at_startup(self, ref: str, value: str) -> None:
        self._require_state(ref, "Halted")
        self._set_vcpus(ref, startup=int(value), most=self.get("VM", ref)["VCPUs_max"])

    def _set_vcpus(self, ref: str, startup: int, most: int) -> None:
        if not 0 < startup <= most:
            raise Failure("INVALID_VALUE", "VCPU values must satisfy: 0 < VCPUs_at_startup <= VCPUs_max", "")
        self.get("VM", ref).update(VCPUs_at_startup=startup, VCPUs_max=most)

    def _VM_add_to_VCPUs_params_live(self, *_: str) -> None:
        raise Failure("NOT_IMPLEMENTED", "add_to_VCPUs_params_live")

    def _VM_set_domain_type(self, ref: str, value: str) -> None:
        self._require_state(ref, "Halted")
        self.get("VM", ref)["domain_type"] = value

    def _VM_get_possible_hosts(self, ref: str) -> list[str]:
        self.get("VM", ref)
        return [host for host, row in self.all("host").items() if row["enabled"]]

    def _VM_start(self, ref: str, start_paused: bool, force: bool) -> None:
        possible = self._VM_get_possible_hosts(ref)
        if not possible:
            raise Failure("NO_HOSTS_AVAILABLE")
        self._VM_start_on(ref, possible[-1], start_paused, force)

    def _VM_start_on(self, ref: str, host: str, start_paused: bool, force: bool) -> None:
        vm = self._refreshed("VM", ref)
        if not self.get("host", host)["enabled"]:
            raise Failure("HOST_DISABLED", host)
        if vm["is_a_template"]:
            raise Failure("VM_IS_TEMPLATE", ref)
        self._require_state(ref, "Halted")
        if vm["domain_type"] != "hvm" or "c" not in vm["HVM_boot_params"].get("order", ""):
            raise Failure("BOOTLOADER_FAILED", ref, "this double boots HVM guests from a disk only")
        vbds = [self.get("VBD", vbd) for vbd in vm["VBDs"]]
        vifs = [self.get("VIF", vif) for vif in vm["VIFs"]]
        hardware = Hardware(
            disks=tuple(Disk(self.disk_path(v["VDI"]), v["userdevice"], v["mode"] == "RW") for v in vbds),
            vifs=tuple(Vif(v["MAC"], self.get("network", v["network"])["bridge"], v["device"]) for v in vifs),
            memory_bytes=vm["memory_dynamic_max"],
            vcpus=vm["VCPUs_at_startup"],
            params=dict(vm["VCPUs_params"]),
        )
        try:
            self.backend.start(vm["uuid"], hardware)
        except Exception as error:
            raise Failure("INTERNAL_ERROR", f"the backend cannot start it: {error}") from error
        for vbd in vbds:
            vbd["currently_attached"] = True
        vm.update(power_state="Running", domid=vm.get("starts", 0) + 1, resident_on=host)
        vm["starts"] = vm["domid"]
        self.get("VM_metrics", vm["metrics"]).update(VCPUs_number=vm["VCPUs_at_startup"])

    def _VM_metrics_get_record(self, ref: str) -> Record:
        vm = next(row for row in self.all("VM").values() if row["metrics"] == ref)
        self._note_end(vm)
        metrics = self.get("VM_metrics", ref)
        if vm["power_state"] == "Running":
            metrics["memory_actual"] = self.backend.memory_bytes(vm["uuid"])
            metrics["VCPUs_params"] = self.backend.scheduler(vm["uuid"])
        return metrics

    def _VM_query_data_source(self, ref: str, source: str) -> float:
        vm = self._refreshed("VM", ref)
        if vm["power_state"] != "Running":
            raise Failure("VM_BAD_POWER_STATE", ref, "Running", vm["power_state"])
        if source == "memory":
            return float(self.backend.memory_bytes(vm["uuid"]))
        raise Failure("INTERNAL_ERROR", f"no data source {source}")  # no guest of the double has an agent

    def _VM_hard_shutdown(self, ref: str) -> None:
        vm = self._refreshed("VM", ref)
        if vm["power_state"] == "Halted":
            raise Failure("VM_BAD_POWER_STATE", ref, "Running", "Halted")
        self._halted(vm)

    def _VM_destroy(self, ref: str) -> None:
        self._require_state(ref, "Halted")
        for kind in ("VBD", "VIF"):
            for part in [part for part, row in self.all(kind).items() if row["VM"] == ref]:
                del self._objects[kind][part]
        del self._objects["VM_metrics"][self.get("VM", ref)["metrics"]]
        del self._objects["VM"][ref]

    def _require_state(self, ref: str, state: str) -> None:
        actual = self._refreshed("VM", ref)["power_state"]
        if actual != state:
            raise Failure("VM_BAD_POWER_STATE", ref, state, actual)
