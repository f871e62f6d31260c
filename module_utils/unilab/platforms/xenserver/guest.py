"""A guest from an uploaded disk: created, capped, started, ended.

A guest that differs in any property is recreated: it holds nothing worth keeping, because its disk is
a clone of the uploaded one. VMs that unilab did not create are never changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver import disk, places, vcpus
from ansible.module_utils.unilab.platforms.xenserver.errors import undoing
from ansible.module_utils.unilab.platforms.xenserver.places import named
from ansible.module_utils.unilab.platforms.xenserver.session import Xapi

TEMPLATE = "Other install media"
MARK, BOOT = "unilab_guest", "unilab_boot"
HALTED, RUNNING = "Halted", "Running"


@dataclass(frozen=True)
class Wanted:
    """The wanted properties of a guest.

    Attributes:
        name: of the VM.
        disk: uuid of the uploaded disk, of which the guest boots a clone.
        head: first bytes of the clone, with this boot's command line; b"" leaves them.
        vcpus_params: weight, cap, mask as XAPI wants them.
        network: name or uuid; "" for no card.
        mac: "" lets XenServer choose.
        boot_order: BIOS letters: c disk, d CD, n network.
        host: member of the pool that runs the guest, see ``hosts.choose``.
    """

    name: str
    disk: str
    head: bytes
    memory_bytes: int
    vcpus: int
    vcpus_params: Mapping[str, str]
    network: str
    mac: str
    boot_order: str
    host: str = ""

    @property
    def boot_id(self) -> str:
        """Hash of the disk and its head, stored with the guest."""
        return hashlib.sha256(self.disk.encode() + b"\0" + self.head).hexdigest()


@dataclass(frozen=True)
class Hardware:
    """The properties of a guest, read back from XAPI."""

    memory_bytes: int
    memory_dynamic_bytes: int
    vcpus: int
    vcpus_at_startup: int
    cap_percent: int
    weight: int
    mask: str
    mac: str
    network: str
    boot_order: str
    domain_type: str
    boot_id: str


def find(xapi: Xapi, name: str) -> tuple[str, dict[str, Any]]:
    """Reference and record of the guest; ("", {}) where there is none.

    Raises LabError where a VM of this name is not one of unilab, or where there are several.
    """
    there = named(xapi.call.VM, name, lambda row: not row["is_control_domain"])
    ours = {ref: row for ref, row in there.items() if row["other_config"].get(MARK) == name}
    if len(there) > len(ours):
        raise LabError(
            f"key name: there is a VM '{name}' that unilab did not create. Remedy: choose another "
            "name; it is not changed."
        )
    if len(ours) > 1:
        raise LabError(
            f"key name: {len(ours)} VMs are named '{name}'. Remedy: state absent removes them all."
        )
    return next(iter(ours.items()), ("", {}))


def read_back(xapi: Xapi, record: Mapping[str, Any]) -> Hardware:
    """The properties of a guest by its record."""
    cards = [xapi.call.VIF.get_record(ref) for ref in record["VIFs"]]
    networks = [xapi.call.network.get_record(card["network"])["name_label"] for card in cards]
    params = record["VCPUs_params"]
    return Hardware(
        memory_bytes=int(record["memory_static_max"]),
        memory_dynamic_bytes=int(record["memory_dynamic_max"]),
        vcpus=int(record["VCPUs_max"]),
        vcpus_at_startup=int(record["VCPUs_at_startup"]),
        cap_percent=int(params.get("cap", 0)),
        weight=int(params.get("weight", vcpus.WEIGHT_DEFAULT)),
        mask=params.get("mask", ""),
        mac=cards[0]["MAC"] if cards else "",
        network=networks[0] if networks else "",
        boot_order=record["HVM_boot_params"].get("order", ""),
        domain_type=record["domain_type"],
        boot_id=record["other_config"].get(BOOT, ""),
    )


def hardware_of(xapi: Xapi, wanted: Wanted, found: Hardware | None) -> Hardware:
    """The wanted properties in the form of ``read_back``; those that XenServer chose are as ``found``."""
    network = ""
    if wanted.network:
        network = xapi.call.network.get_record(places.network(xapi, wanted.network))["name_label"]
    params = wanted.vcpus_params
    return Hardware(
        memory_bytes=wanted.memory_bytes,
        memory_dynamic_bytes=wanted.memory_bytes,
        vcpus=wanted.vcpus,
        vcpus_at_startup=wanted.vcpus,
        cap_percent=int(params["cap"]),
        weight=int(params["weight"]),
        mask=params.get("mask", ""),
        mac=wanted.mac.lower() or (found.mac if found else ""),
        network=network,
        boot_order=wanted.boot_order,
        domain_type="hvm",
        boot_id=wanted.boot_id,
    )


def create(xapi: Xapi, wanted: Wanted) -> str:
    """Create the guest, halted; return its reference. Nothing remains where that fails. Raises LabError."""
    source = _uploaded(xapi, wanted.disk)
    network = places.network(xapi, wanted.network) if wanted.network else ""
    template = _template(xapi)
    vm: str = xapi.call.VM.clone(template, wanted.name)
    with undoing(f"the guest {wanted.name}, incomplete,", lambda: _undo(xapi, vm, wanted.name)):
        xapi.call.VM.add_to_other_config(vm, MARK, wanted.name)
        xapi.call.VM.add_to_other_config(vm, BOOT, wanted.boot_id)
        xapi.call.VM.provision(vm)
        _set_hardware(xapi, vm, wanted)
        clone = disk.clone(xapi, source, wanted.name, wanted.head)
        xapi.call.VBD.create(_vbd(vm, clone))
        if network:
            xapi.call.VIF.create(_vif(vm, network, wanted.mac))
        found = read_back(xapi, xapi.call.VM.get_record(vm))
        expected = hardware_of(xapi, wanted, found)
        if found != expected:
            raise LabError(
                f"guest {wanted.name}: wanted {expected}, and XenServer has {found}. Remedy: see "
                "/var/log/xensource.log on the host."
            )
    return vm


def _undo(xapi: Xapi, vm: str, name: str) -> None:
    _remove(xapi, vm)
    for vdi in disk.clones(xapi, name):
        disk.destroy(xapi, vdi)


def _uploaded(xapi: Xapi, uuid: str) -> str:
    from XenAPI import Failure

    try:
        ref: str = xapi.call.VDI.get_by_uuid(uuid)
    except Failure:
        raise LabError(
            f"key disk: no disk has the uuid '{uuid}'. Remedy: upload it with xenserver_disk."
        ) from None
    return ref


def _template(xapi: Xapi) -> str:
    found = _templates(xapi)
    if not found:
        raise LabError(
            f"the template '{TEMPLATE}' is missing. Remedy: restore it; XenServer and XCP-ng come with it."
        )
    return next(iter(found))


def has_template(xapi: Xapi) -> bool:
    """Whether the template that guests are created from exists."""
    return bool(_templates(xapi))


def _templates(xapi: Xapi) -> dict[str, dict[str, Any]]:
    return named(xapi.call.VM, TEMPLATE, lambda row: row["is_a_template"])


def _set_hardware(xapi: Xapi, vm: str, wanted: Wanted) -> None:
    call, memory = xapi.call.VM, str(wanted.memory_bytes)
    # All dynamic limits at the maximum: the guest must keep its memory while it is measured.
    call.set_memory_limits(vm, memory, memory, memory, memory)
    # 0 < startup <= max must hold at every step, and the template has one of each.
    call.set_VCPUs_max(vm, str(wanted.vcpus))
    call.set_VCPUs_at_startup(vm, str(wanted.vcpus))
    call.set_VCPUs_params(vm, dict(wanted.vcpus_params))
    call.set_domain_type(vm, "hvm")
    call.set_HVM_boot_policy(vm, "BIOS order")
    call.set_HVM_boot_params(vm, {"order": wanted.boot_order})
    # A guest that ends by itself must stay ended, so that its end is noticed.
    call.set_actions_after_reboot(vm, "destroy")
    call.set_actions_after_crash(vm, "destroy")


def _vbd(vm: str, vdi: str) -> dict[str, Any]:
    return {
        "VM": vm,
        "VDI": vdi,
        "userdevice": "0",
        "bootable": True,
        "mode": "RW",
        "type": "Disk",
        "empty": False,
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }


def _vif(vm: str, network: str, mac: str) -> dict[str, Any]:
    return {
        "device": "0",
        "network": network,
        "VM": vm,
        "MAC": mac,
        "MTU": "1500",
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }


def start(xapi: Xapi, vm: str, host: str) -> None:
    """Start a halted guest on the member ``host``, a reference; returns when it runs."""
    xapi.call.VM.start_on(vm, host, False, False)


def runs(xapi: Xapi, vm: str) -> bool:
    """Whether the guest runs now."""
    return bool(xapi.call.VM.get_power_state(vm) == RUNNING)


def halt(xapi: Xapi, vm: str) -> bool:
    """End a guest at once, because it has no agent for a clean shutdown. True when it ran."""
    from XenAPI import Failure

    if xapi.call.VM.get_power_state(vm) == HALTED:
        return False
    try:
        xapi.call.VM.hard_shutdown(vm)
    except Failure as failure:
        # It has ended by itself meanwhile.
        if failure.details[0] != "VM_BAD_POWER_STATE":
            raise
    return True


def remove(xapi: Xapi, name: str) -> bool:
    """Remove every guest of this name that unilab created, and its disks. True when there was one."""
    ours = named(xapi.call.VM, name, lambda row: row["other_config"].get(MARK) == name)
    for vm in ours:
        _remove(xapi, vm)
    left = disk.clones(xapi, name)
    for vdi in left:
        disk.destroy(xapi, vdi)
    return bool(ours or left)


def exists(xapi: Xapi, name: str) -> bool:
    """Whether ``remove`` would find anything."""
    ours = named(xapi.call.VM, name, lambda row: row["other_config"].get(MARK) == name)
    return bool(ours or disk.clones(xapi, name))


def _remove(xapi: Xapi, vm: str) -> None:
    """Remove a VM and the disks that were cloned for it."""
    halt(xapi, vm)
    record = xapi.call.VM.get_record(vm)
    disks = [xapi.call.VBD.get_record(ref)["VDI"] for ref in record["VBDs"]]
    own = [vdi for vdi in disks if vdi != places.NULL and _is_clone(xapi, vdi)]
    # VBDs and VIFs go with their VM.
    xapi.call.VM.destroy(vm)
    for vdi in own:
        disk.destroy(xapi, vdi)


def _is_clone(xapi: Xapi, vdi: str) -> bool:
    return disk.GUEST in xapi.call.VDI.get_record(vdi)["other_config"]
