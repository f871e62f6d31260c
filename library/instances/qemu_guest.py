#!/usr/bin/python
"""Ansible module qemu_guest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: qemu_guest
short_description: A QEMU guest, booted, timed to its first right answer, paused, or ended
version_added: "0.1.0"
description:
  - The guest outlives the module. Its console, pid and control socket are in I(directory).
  - With I(nonce), the module waits until C(GET /identity) carries it and returns the boot time; with
    I(answer), until that is answered.
options:
  name:
    description: Name of the guest; its network card's address depends on it.
    type: str
    required: true
  directory:
    description: Folder of the guest's state.
    type: path
    required: true
  state:
    description:
      - C(started) boots it, and restarts it where it runs with other vCPUs or memory.
      - C(paused) and C(running) halt and continue the virtual CPUs of a guest that is there.
      - C(stopped) asks it to power off, C(absent) ends it and removes its state.
    type: str
    choices: [started, paused, running, stopped, absent]
    default: started
  accelerator:
    description: What runs the virtual CPUs.
    type: str
    choices: [kvm, tcg]
    default: tcg
  vcpus:
    description: Number of virtual CPUs.
    type: int
    default: 1
  memory_mib:
    description: Memory of the guest.
    type: int
    default: 256
  kernel:
    description: Kernel to boot directly; without it the guest boots from I(disk).
    type: path
  initrd:
    description: Initial RAM disk.
    type: path
  command_line:
    description: Command line of the kernel.
    type: str
    default: ""
  disk:
    description: Disk image, the first virtio disk.
    type: path
  disk_format:
    description: Format of I(disk); C(vpc) is VHD.
    type: str
    choices: [raw, qcow2, vpc]
    default: raw
  disk_writes:
    description: What becomes of the guest's writes to I(disk).
    type: str
    choices: [refused, kept, discarded]
    default: refused
  machine:
    description: QEMU's board.
    type: str
    choices: [q35, pc]
    default: q35
  disk_command_line:
    description: Write I(command_line) into the boot sectors of I(disk) first, as OSv reads it.
    type: bool
    default: false
  bridge:
    description: Bridge that the guest's network card joins.
    type: str
    default: br0
  namespace:
    description: Network namespace for the QEMU process.
    type: str
  cpus:
    description: CPU list that all of QEMU is bound to; empty for all.
    type: str
    default: ""
  host_cpus:
    description: CPU list of the threads that are no virtual CPUs; empty binds them to I(cpus) too.
    type: str
    default: ""
  cpu_features:
    description: Added to the CPU model, in QEMU syntax. V(+svm,+npt) lets the guest run guests of its own.
    type: str
    default: ""
  vhost:
    description: Let the host's kernel move the packets of the network card (vhost-net).
    type: bool
    default: false
  nonce:
    description: Nonce that the guest must report.
    type: str
  timeout_s:
    description: How long to wait for the first right answer, or for a power-off.
    type: float
    default: 120
extends_documentation_fragment: [guest_address, right_answer, counting]
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A Linux guest with a service as its only program
  qemu_guest:
    name: instance
    directory: /var/lib/unilab/guests/instance
    kernel: /boot/vmlinuz
    initrd: /var/lib/unilab/images/initrd
    disk: /var/lib/unilab/images/todos-go.squashfs
    command_line: console=ttyS0 UNILAB_NONCE=abc -- /app/server
    address: 10.77.0.100
    nonce: abc
"""

RETURN = r"""
pid:
  description: Process id of QEMU, 0 when it does not run.
  returned: always
  type: int
  sample: 4711
first_answer_ms:
  description: From the start of QEMU to the first right answer, in milliseconds.
  returned: a nonce or an answer was given and the guest was started
  type: float
  sample: 812.4
polls:
  description: How many polls that took.
  returned: as first_answer_ms
  type: int
  sample: 17
identity:
  description: What the guest reported of itself; empty where it was identified by an answer.
  returned: as first_answer_ms
  type: dict
  sample: {service: todos-go, nonce: abc, artifact: 5f0c, threads: 1}
ended:
  description: The guest ended by itself before it answered.
  returned: on failure
  type: bool
  sample: true
console:
  description: Last lines of its console.
  returned: on failure
  type: str
  sample: Kernel panic
counts:
  description: The file that the plugin writes, or perf under KVM; empty where nothing is counted.
  returned: the guest was started
  type: str
  sample: /run/unilab/unilab-instance/counts.bin
why_no_counts:
  description: Why perf does not count this guest.
  returned: the guest was started under KVM, and cannot be counted
  type: str
  sample: "instructions are not counted under KVM: perf is not installed."
first_answer_counts:
  description: Counters of each virtual CPU since the start, at the first right answer.
  returned: as first_answer_ms, and instructions are counted
  type: list
  elements: list
  sample: [[31002211, 90123456]]
first_answer_ns:
  description: CLOCK_REALTIME of the first right answer, in ns.
  returned: as first_answer_counts
  type: int
  sample: 1796000000000000000
qemu_version:
  description: Version line of QEMU.
  returned: the guest was started
  type: str
  sample: QEMU emulator version 7.2.22
"""

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.counting.plugin import OPTION as COUNTING_OPTION
from ansible.module_utils.unilab.counting.plugin import Counting
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images.osv.command_line import set_command_line
from ansible.module_utils.unilab.platforms import first_answer, qemu
from ansible.module_utils.unilab.platforms.qemu_counts import counted, counting_started, is_counted_as
from ansible.module_utils.unilab.service import SERVICE_PORT

POWER_OFF_S = 60


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "state": {
                "type": "str",
                "choices": ["started", "paused", "running", "stopped", "absent"],
                "default": "started",
            },
            "accelerator": {"type": "str", "choices": ["kvm", "tcg"], "default": "tcg"},
            "vcpus": {"type": "int", "default": 1},
            "memory_mib": {"type": "int", "default": 256},
            "kernel": {"type": "path"},
            "initrd": {"type": "path"},
            "command_line": {"type": "str", "default": ""},
            "disk": {"type": "path"},
            "disk_format": {"type": "str", "choices": ["raw", "qcow2", "vpc"], "default": "raw"},
            "disk_writes": {
                "type": "str",
                "choices": ["refused", "kept", "discarded"],
                "default": "refused",
            },
            "machine": {"type": "str", "choices": ["q35", "pc"], "default": "q35"},
            "disk_command_line": {"type": "bool", "default": False},
            "bridge": {"type": "str", "default": "br0"},
            "namespace": {"type": "str"},
            "cpus": {"type": "str", "default": ""},
            "host_cpus": {"type": "str", "default": ""},
            "cpu_features": {"type": "str", "default": ""},
            "vhost": {"type": "bool", "default": False},
            "address": {"type": "str"},
            "port": {"type": "int", "default": SERVICE_PORT},
            "nonce": {"type": "str"},
            "answer": first_answer.OPTION,
            "counting": COUNTING_OPTION,
            "timeout_s": {"type": "float", "default": 120},
        },
        mutually_exclusive=[("nonce", "answer")],
        required_by={"answer": ("address",), "nonce": ("address",)},
        supports_check_mode=True,
    )
    guest = _guest(module)
    state, pid = module.params["state"], qemu.running(guest)
    try:
        if module.check_mode:
            module.exit_json(changed=(pid is None) == (state == "started"), pid=pid or 0)
        if state == "started":
            _started(module, guest, pid)
        if state in ("paused", "running"):
            changed = pid is not None and qemu.set_paused(guest, state == "paused")
        elif state == "stopped":
            changed = qemu.stop(guest, patience_s=module.params["timeout_s"])
        else:
            changed = qemu.destroy(guest)
        module.exit_json(changed=changed, pid=qemu.running(guest) or 0)
    except LabError as error:
        module.fail_json(msg=str(error))


def _started(module: AnsibleModule, guest: qemu.Guest, pid: int | None) -> None:
    boot = _boot(module)
    if (
        pid is not None
        and qemu.has_hardware(guest, boot.vcpus, boot.memory_mib)
        and is_counted_as(guest, boot)
    ):
        module.exit_json(changed=False, pid=pid)
    if pid is not None:
        qemu.stop(guest, patience_s=POWER_OFF_S)
    if module.params["disk_command_line"]:
        if boot.disk is None:
            raise LabError(
                "disk_command_line: there is no disk to write it to. Remedy: name a disk, or leave it unset."
            )
        set_command_line(boot.disk, boot.command_line)
    address, port, wanted = module.params["address"], module.params["port"], module.params["answer"]
    if wanted and not first_answer.is_silent(address, port):
        raise LabError(
            f"somebody answers at {address}:{port} already. Remedy: end it, or give another guest_address."
        )
    began_s = time.monotonic()
    pid = qemu.start(guest, boot)
    result = {"changed": True, "pid": pid, "qemu_version": qemu.version()}
    result |= counting_started(guest, boot, pid)
    if not module.params["nonce"] and not wanted:
        time.sleep(0.2)
        if qemu.running(guest) is None:
            module.fail_json(
                msg=f"QEMU ended at once: {qemu.console_tail(guest, 3)}",
                ended=True,
                console=qemu.console_tail(guest),
            )
        module.exit_json(**result)
    timeout_s = module.params["timeout_s"]
    try:
        if wanted:
            right = first_answer.Answer(**wanted)
            answer = first_answer.wait_for(address, port, right, timeout_s, lambda: _lives(guest))
        else:
            answer = first_answer.wait(
                address, port, module.params["nonce"], timeout_s, lambda: _lives(guest)
            )
    except first_answer.NoAnswer as error:
        module.fail_json(msg=str(error), ended=not _lives(guest), console=qemu.console_tail(guest))
    result |= {
        "first_answer_ms": round((answer.at_s - began_s) * 1000, 3),
        "polls": answer.polls,
        "identity": answer.identity,
        **counted(guest, boot),
    }
    module.exit_json(**result)


def _lives(guest: qemu.Guest) -> bool:
    return qemu.running(guest) is not None


def _guest(module: AnsibleModule) -> qemu.Guest:
    wanted = module.params
    return qemu.Guest(wanted["name"], Path(wanted["directory"]).resolve(), wanted["namespace"])


def _boot(module: AnsibleModule) -> qemu.Boot:
    wanted = module.params

    def path(name: str) -> Path | None:
        return Path(wanted[name]).resolve() if wanted[name] else None

    return qemu.Boot(
        accelerator=wanted["accelerator"],
        vcpus=wanted["vcpus"],
        memory_mib=wanted["memory_mib"],
        kernel=path("kernel"),
        initrd=path("initrd"),
        command_line=wanted["command_line"],
        disk=path("disk"),
        disk_writes=wanted["disk_writes"],
        bridge=wanted["bridge"],
        cpus=wanted["cpus"],
        host_cpus=wanted["host_cpus"],
        disk_format=wanted["disk_format"],
        machine=wanted["machine"],
        cpu_features=wanted["cpu_features"],
        vhost=wanted["vhost"],
        counting=Counting.of(wanted["counting"]),
    )


if __name__ == "__main__":
    main()
