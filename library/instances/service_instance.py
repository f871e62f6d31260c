#!/usr/bin/python
"""Module service_instance: see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_instance
short_description: The instance of a trial, from start to first answer and readings, and its end
version_added: "0.3.0"
description:
  - Drives the instance by few shell commands and requests to its engine.
  - With I(ssh) it runs on the controller and drives an instance on another host.
    That costs seconds less than a module on a host that is emulated.
  - With C(state=started) it starts a fresh instance, waits for its first right answer and reads its caps and
    its idle memory. A step that goes wrong is part of the result and does not fail the module.
  - With C(state=ended) it reads memory after the load, keeps the console, ends the instance and removes its
    state.
options:
  platform:
    description: What runs the instance.
    type: str
    choices: [docker, native, qemu]
    required: true
  name:
    description: Name of the instance.
    type: str
    required: true
  directory:
    description: State directory of the instance on its host (native, qemu).
    type: path
  ssh:
    description:
      - The ssh command that reaches the host, with options that share a connection.
      - Empty is this machine.
    type: list
    elements: str
    default: []
  namespace:
    description:
      - Network namespace of this machine from which the instance is asked; empty for its own.
      - Used with I(ssh) only. On its own host an instance is asked from the host's network.
    type: str
    default: ""
  state:
    description: Whether to start the instance, or to end it.
    type: str
    choices: [started, ended]
    default: started
  image:
    description: The image, as the image roles report it. Needed with C(state=started).
    type: dict
  start:
    description:
      - What the instance is started with, as C(contracts.assembly.trial) makes it.
      - Needed with C(state=started).
    type: dict
  accelerator:
    description: What runs virtual CPUs (qemu).
    type: str
    default: none
  memory_reading:
    description: Whether to read memory.
    type: bool
    default: true
  console:
    description:
      - File of this machine that the instance's console is written to, with C(state=ended).
      - Without it the console is not kept.
    type: path
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: End a guest on another host, from the controller
  service_instance:
    platform: qemu
    name: unilab-instance
    directory: /run/unilab/unilab-instance
    ssh: [ssh, -o, ControlPath=/tmp/control-%C, server]
    state: ended
  delegate_to: localhost
"""

RETURN = r"""
start:
  description: What is known of the start, with C(msg) and C(ended) where no right answer came.
  returned: with C(state=started)
  type: dict
  sample: {first_answer_ms: 812.4, polls: 17, identity: {nonce: abc, artifact: 5f, threads: 1}}
caps:
  description: The limits that were read back, with C(failed) and C(msg) where they do not hold.
  returned: with C(state=started), when the instance answered
  type: dict
  sample: {read_back: [{resource: memory, kind: limit, source: memory.max, value: 268435456, unit: bytes}]}
memory:
  description: The memory that was read, with C(failed) and C(msg) where it could not be.
  returned: when the instance answered
  type: dict
  sample: {footprints: [{kind: cgroup, source: memory.current, bytes: 5000000, when: idle}]}
not_stopped:
  description: Why the instance could not be ended and removed; empty where it was.
  returned: with C(state=ended)
  type: str
  sample: ""
seconds:
  description: Seconds of each step.
  returned: always
  type: dict
  sample: {prepare: 0.6, first_answer: 4.1, read: 0.8}
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.ssh import SshHost
from ansible.module_utils.unilab.platforms import first_answer
from ansible.module_utils.unilab.platforms.base import AskedOnce, Host, Instance, LocalHost
from ansible.module_utils.unilab.platforms.boots import boot_of
from ansible.module_utils.unilab.platforms.caps import differences
from ansible.module_utils.unilab.platforms.registry import DRIVEN
from ansible.module_utils.unilab.platforms.xenserver.waiting import wait_for_answer

# Over ssh each question costs the host a login shell, so an instance that ended is noticed later.
ALIVE_EVERY_S = 5.0

Result = dict[str, Any]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "platform": {"type": "str", "choices": list(DRIVEN), "required": True},
            "name": {"type": "str", "required": True},
            "directory": {"type": "path"},
            "ssh": {"type": "list", "elements": "str", "default": []},
            "namespace": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["started", "ended"], "default": "started"},
            "image": {"type": "dict"},
            "start": {"type": "dict"},
            "accelerator": {"type": "str", "default": "none"},
            "memory_reading": {"type": "bool", "default": True},
            "console": {"type": "path"},
        },
        required_if=[("state", "started", ["image", "start"])],
    )
    instance = _instance(module.params)
    act = _started if module.params["state"] == "started" else _ended
    try:
        with _host(module.params["ssh"]) as host:
            result = act(module.params, host, instance)
    except LabError as error:
        result = {"start": {"msg": str(error)}, "not_stopped": str(error), "seconds": {}}
    module.exit_json(changed=True, **result)


@contextlib.contextmanager
def _host(ssh: list[str]) -> Iterator[Host]:
    if not ssh:
        yield LocalHost()
        return
    with SshHost(ssh) as host:
        yield host


def _instance(params: dict[str, Any]) -> Instance:
    directory = Path(params["directory"]) if params["directory"] else None
    return Instance(params["name"], directory=directory)


class _Clock:
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since_s = time.monotonic()

    def passed(self, step: str) -> None:
        """``step`` has ended now."""
        now_s = time.monotonic()
        self.seconds[step] = round(now_s - self._since_s, 3)
        self._since_s = now_s


def _started(params: dict[str, Any], host: Host, instance: Instance) -> Result:
    platform, start, clock = DRIVEN[params["platform"]], params["start"], _Clock()
    boot = boot_of(params["platform"], params["image"], start, params["accelerator"])
    try:
        platform.prepare(host, instance, boot)
        clock.passed("prepare")
        began_s = platform.launch(host, instance, boot)
        answer = wait_for_answer(
            (start["address"], int(start["port"])),
            start["nonce"],
            float(start["timeout_s"]),
            params["namespace"] if params["ssh"] else "",
            lambda: platform.runs(host, instance),
            alive_every_s=ALIVE_EVERY_S if params["ssh"] else first_answer.ALIVE_EVERY_S,
        )
    except first_answer.NoAnswer as error:
        clock.passed("first_answer")
        ended = not platform.runs(host, instance)
        return {"start": {"msg": str(error), "ended": ended}, "seconds": clock.seconds}
    except LabError as error:
        return {"start": {"msg": str(error)}, "seconds": clock.seconds}
    clock.passed("first_answer")
    once = AskedOnce(host)
    found: Result = {
        "start": {
            "first_answer_ms": round((answer.at_s - began_s) * 1000, 3),
            "polls": answer.polls,
            "identity": answer.identity,
        },
        "caps": _caps(params, once, instance),
        "memory": _memory(params, once, instance, "idle"),
    }
    clock.passed("read")
    return found | {"seconds": clock.seconds}


def _caps(params: dict[str, Any], host: Host, instance: Instance) -> Result:
    start = params["start"]
    try:
        rows = DRIVEN[params["platform"]].read_caps(host, instance)
        faults = differences(rows, float(start["cpus"]), int(start["memory_mib"]), start["cpu_list"])
    except LabError as error:
        return {"failed": True, "msg": str(error)}
    wrong = {"failed": True, "msg": "The caps do not hold: " + "; ".join(faults)} if faults else {}
    return {"read_back": rows, **wrong}


def _memory(params: dict[str, Any], host: Host, instance: Instance, when: str) -> Result:
    if not params["memory_reading"]:
        return {"skipped": True}
    try:
        rows = DRIVEN[params["platform"]].read_memory(host, instance)
    except LabError as error:
        return {"failed": True, "msg": str(error)}
    return {"footprints": [asdict(row) | {"when": when} for row in rows]}


def _ended(params: dict[str, Any], host: Host, instance: Instance) -> Result:
    platform, clock = DRIVEN[params["platform"]], _Clock()
    found: Result = {"memory": _memory(params, host, instance, "loaded")}
    clock.passed("reread")
    if params["console"]:
        with contextlib.suppress(LabError):
            Path(params["console"]).write_text(platform.console(host, instance), encoding="utf-8")
    try:
        platform.stop(host, instance)
        found["not_stopped"] = ""
    except LabError as error:
        found["not_stopped"] = str(error)
    clock.passed("stop")
    return found | {"seconds": clock.seconds}


if __name__ == "__main__":
    main()
