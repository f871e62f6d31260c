#!/usr/bin/python
"""Ansible module xenserver_guest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xenserver_guest
short_description: A guest of XenServer or XCP-ng from an uploaded disk, capped, timed, or ended
version_added: "0.1.0"
description:
  - The guest is an HVM one that boots a clone of an uploaded disk; the clone is removed with it.
  - CPU cap, weight and mask are checked here, set before the start (XAPI reads them only then), read back.
  - A guest that differs in any property is recreated. VMs that unilab did not create are not changed.
  - A pool's guest starts on a chosen member, the same at each boot.
  - With I(nonce), the module waits until C(GET /identity) carries it and returns the boot time.
options:
  connection:
    required: true
  name:
    description: Name of the guest.
    type: str
    required: true
  state:
    description:
      - C(started) runs it as described; C(restarted) boots it in any case.
      - C(stopped) halts it, at once. C(absent) halts it and removes it with its disk.
    type: str
    choices: [started, stopped, restarted, absent]
    default: started
  disk:
    description: Uuid of the uploaded disk, as the module C(xenserver_disk) returns it.
    type: str
  image:
    description: The raw image that was uploaded; from its first sectors those with I(command_line) are made.
    type: path
  command_line:
    description: Written into the boot sectors of the guest's own disk, as OSv reads it. Empty leaves them.
    type: str
    default: ""
  memory_mib:
    description: Memory; all of XAPI's limits are set to it.
    type: int
  vcpus:
    description: Number of virtual CPUs.
    type: int
    default: 1
  cap_percent:
    description: Most CPU time, in percent of one CPU; 0 for no cap.
    type: int
    default: 0
  weight:
    description: Share beside other guests, 1 to 65535.
    type: int
    default: 256
  mask:
    description: CPUs that may run it, such as C(0,2) or C(1-3); empty for all.
    type: str
    default: ""
  host:
    description:
      - Member of the pool that runs the guest, by name, uuid or address.
      - Empty for the coordinator, or for another member where the coordinator cannot run the guest.
    type: str
    default: ""
  network:
    description: Network that its card joins, by name or uuid; empty for no card.
    type: str
    default: ""
  mac:
    description: Address of its card; empty lets XenServer choose.
    type: str
    default: ""
  boot_order:
    description: BIOS letters, c for disk, d for CD, n for network.
    type: str
    default: c
  nonce:
    description: Value that the guest must report at C(/identity); empty to not wait.
    type: str
    default: ""
  namespace:
    description: Network namespace of this machine from which the guest is polled; empty for its own.
    type: str
    default: ""
  timeout_s:
    description: How long to wait for the first right answer.
    type: float
    default: 120
attributes:
  check_mode:
    support: full
    description: Reports whether anything would be done.
  diff_mode:
    support: full
    description: Shows the guest's hardware and power state.
requirements: [XenAPI]
extends_documentation_fragment: [xenserver_connection, guest_address]
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Half a CPU and 256 MiB
  xenserver_guest:
    connection:
      hostname: xenserver.example.org
      password: "{{ vault_xenserver_password }}"
      ca_file: xapi-ssl.pem
    name: instance
    disk: 3a1bd2c1-c7de-6ef3-a4e1-e0f4d5c6b7a8
    image: .cache/images/todos-go.osv.raw
    command_line: --ip=eth0,192.0.2.100,255.255.255.0 --env=UNILAB_NONCE=abc /app/server
    memory_mib: 256
    cap_percent: 50
    network: Pool-wide network associated with eth0
    address: 192.0.2.100
    nonce: abc
"""

RETURN = r"""
uuid:
  description: Of the VM; empty where there is none.
  returned: always
  type: str
  sample: 3a1bd2c1-c7de-6ef3-a4e1-e0f4d5c6b7a8
power_state:
  description: Of the VM, as XAPI names it; C(absent) where there is none.
  returned: always
  type: str
  sample: Running
host:
  description: Member of the pool that the guest runs on, as XAPI has it; empty where it does not run.
  returned: always
  type: dict
  sample: {uuid: 7de6ef3a, name: xenserver, address: 192.0.2.10}
hardware:
  description: The properties that XAPI has after all were set.
  returned: the guest exists
  type: dict
  sample: {memory_bytes: 268435456, vcpus: 1, cap_percent: 50, weight: 256, mask: ""}
first_answer_ms:
  description: From the call of VM.start to the first right answer, in milliseconds.
  returned: a nonce was given and the guest was started
  type: float
  sample: 5312.4
start_call_ms:
  description: How long VM.start itself took, in milliseconds; part of first_answer_ms.
  returned: the guest was started
  type: float
  sample: 412.0
polls:
  description: How many polls that took.
  returned: as first_answer_ms
  type: int
  sample: 17
identity:
  description: What the guest said of itself.
  returned: as first_answer_ms
  type: dict
  sample: {service: todos-go, nonce: abc, artifact: 5f0c, threads: 1}
ended:
  description: The guest ended by itself before it answered.
  returned: it did not answer
  type: bool
  sample: true
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import first_answer
from ansible.module_utils.unilab.platforms.xenserver import guest, hosts, vcpus
from ansible.module_utils.unilab.platforms.xenserver.boot_head import head_of
from ansible.module_utils.unilab.platforms.xenserver.errors import undoing
from ansible.module_utils.unilab.platforms.xenserver.session import OPTION, Login, Xapi, session
from ansible.module_utils.unilab.platforms.xenserver.waiting import wait_for_answer
from ansible.module_utils.unilab.service import SERVICE_PORT
from ansible.module_utils.unilab.units import MIB

from contracts.errors import InputError

Result = dict[str, Any]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "connection": {**OPTION, "required": True},
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["started", "stopped", "restarted", "absent"],
                "default": "started",
            },
            "disk": {"type": "str"},
            "image": {"type": "path"},
            "command_line": {"type": "str", "default": ""},
            "memory_mib": {"type": "int"},
            "vcpus": {"type": "int", "default": 1},
            "cap_percent": {"type": "int", "default": 0},
            "weight": {"type": "int", "default": vcpus.WEIGHT_DEFAULT},
            "mask": {"type": "str", "default": ""},
            "host": {"type": "str", "default": ""},
            "network": {"type": "str", "default": ""},
            "mac": {"type": "str", "default": ""},
            "boot_order": {"type": "str", "default": "c"},
            "address": {"type": "str"},
            "port": {"type": "int", "default": SERVICE_PORT},
            "nonce": {"type": "str", "default": ""},
            "namespace": {"type": "str", "default": ""},
            "timeout_s": {"type": "float", "default": 120},
        },
        required_if=[("state", state, ["disk", "memory_mib"]) for state in ("started", "restarted")],
        supports_check_mode=True,
    )
    name, state = module.params["name"], module.params["state"]
    try:
        wanted = _wanted(module.params) if state in ("started", "restarted") else None
        with session(Login.of(module.params["connection"])) as xapi:
            if wanted:
                result = _running(module, xapi, wanted)
            elif state == "stopped":
                result = _stopped(module, xapi, name)
            else:
                result = _absent(module, xapi, name)
    except (InputError, LabError) as error:
        module.fail_json(msg=str(error))
    failure = result.pop("failure", None)
    if failure:
        module.fail_json(msg=failure, **result)
    module.exit_json(**result)


def _wanted(params: dict[str, Any]) -> guest.Wanted:
    head = b""
    if params["command_line"]:
        if not params["image"]:
            raise LabError("key image: missing beside command_line. Remedy: name the uploaded image.")
        head = head_of(Path(params["image"]), params["command_line"])
    if params["vcpus"] < 1 or params["memory_mib"] < 1:
        raise LabError("keys vcpus and memory_mib: at least 1 each. Remedy: give more.")
    if params["nonce"] and not params["address"]:
        raise LabError("key address: missing beside nonce. Remedy: give the guest's address.")
    return guest.Wanted(
        name=params["name"],
        disk=params["disk"],
        head=head,
        memory_bytes=params["memory_mib"] * MIB,
        vcpus=params["vcpus"],
        vcpus_params=vcpus.params(params["cap_percent"], params["weight"], params["mask"], params["vcpus"]),
        network=params["network"],
        mac=params["mac"],
        boot_order=params["boot_order"],
        host=params["host"],
    )


def _running(module: AnsibleModule, xapi: Xapi, wanted: guest.Wanted) -> Result:
    vm, record = guest.find(xapi, wanted.name)
    found = guest.read_back(xapi, record) if vm else None
    expected = guest.hardware_of(xapi, wanted, found)
    state = record.get("power_state", "absent")
    fits, restart = found == expected, module.params["state"] == "restarted"
    member = hosts.find(xapi, wanted.host) if wanted.host else ""
    elsewhere = bool(member) and record.get("resident_on") != member
    result: Result = {
        "changed": restart or not fits or state != guest.RUNNING or elsewhere,
        "diff": {
            "before": {"power_state": state, **(asdict(found) if found else {})},
            "after": {"power_state": guest.RUNNING, **asdict(expected)},
        },
    }
    if module.check_mode or not result["changed"]:
        return result | _state(xapi, wanted.name)
    created = not fits
    if created:
        guest.remove(xapi, wanted.name)
        vm = guest.create(xapi, wanted)
    else:
        guest.halt(xapi, vm)
    with undoing(f"the guest {wanted.name}", lambda: guest.remove(xapi, wanted.name) if created else None):
        member = hosts.choose(xapi, vm, wanted.host)
        began_s = time.monotonic()
        guest.start(xapi, vm, member)
    result["start_call_ms"] = round((time.monotonic() - began_s) * 1000, 3)
    if module.params["nonce"]:
        result |= _first_answer(module, xapi, vm, began_s)
    return result | _state(xapi, wanted.name)


def _first_answer(module: AnsibleModule, xapi: Xapi, vm: str, began_s: float) -> Result:
    params = module.params
    try:
        answer = wait_for_answer(
            (params["address"], params["port"]),
            params["nonce"],
            params["timeout_s"],
            params["namespace"],
            alive=lambda: guest.runs(xapi, vm),
        )
    except first_answer.NoAnswer as error:
        hint = "OSv kernels that are known to fail on Xen are listed in docs/xenserver.md."
        return {"failure": f"{error}. {hint}", "ended": not guest.runs(xapi, vm)}
    return {
        "first_answer_ms": round((answer.at_s - began_s) * 1000, 3),
        "polls": answer.polls,
        "identity": answer.identity,
    }


def _stopped(module: AnsibleModule, xapi: Xapi, name: str) -> Result:
    vm, record = guest.find(xapi, name)
    state = record.get("power_state", "absent")
    changed = bool(vm) and state != guest.HALTED
    if changed and not module.check_mode:
        guest.halt(xapi, vm)
    after = guest.HALTED if vm else "absent"
    diff = {"before": {"power_state": state}, "after": {"power_state": after}}
    return {"changed": changed, "diff": diff, **_state(xapi, name)}


def _absent(module: AnsibleModule, xapi: Xapi, name: str) -> Result:
    changed = guest.exists(xapi, name) if module.check_mode else guest.remove(xapi, name)
    before = "present" if changed else "absent"
    diff = {"before": {"state": before}, "after": {"state": "absent"}}
    return {"changed": changed, "diff": diff, "uuid": "", "power_state": "absent", "host": {}}


def _state(xapi: Xapi, name: str) -> Result:
    vm, record = guest.find(xapi, name)
    if not vm:
        return {"uuid": "", "power_state": "absent", "host": {}}
    return {
        "uuid": record["uuid"],
        "power_state": record["power_state"],
        "host": hosts.describe(xapi, record["resident_on"]),
        "hardware": asdict(guest.read_back(xapi, record)),
    }


if __name__ == "__main__":
    main()
