#!/usr/bin/python
"""Ansible module docker_instance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_instance
short_description: A container, created with its caps, started, timed to its first right answer, or removed
version_added: "0.1.0"
description:
  - Start and polling are one module, so that the boot time holds nothing of Ansible's own time.
  - The caps are there from the first instruction, because a JVM sizes itself by them.
options:
  name:
    description: Name of the container.
    type: str
    required: true
  state:
    description: C(started) always makes a fresh container; C(absent) kills and removes it.
    type: str
    choices: [started, absent]
    default: started
  image:
    description: Image, by name or id. It must be there; nothing is pulled.
    type: str
  env:
    description: Environment beside that of the image.
    type: dict
    default: {}
  port:
    description: Port that the service listens on, published on the same port of the host.
    type: int
    default: 8080
  address:
    description: Address of the host at which the published port answers.
    type: str
  nonce:
    description: What the service must say of itself.
    type: str
  cpus:
    description: CPUs' worth of time.
    type: float
  memory_mib:
    description: Memory.
    type: int
  cpuset:
    description: CPU list that the container is bound to; empty for all.
    type: str
    default: ""
  timeout_s:
    description: How long to wait for the first right answer.
    type: float
    default: 120
author: unilab contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: A fresh container
  docker_instance:
    name: instance
    image: unilab/todos-go
    env: {UNILAB_NONCE: abc}
    address: 10.0.0.3
    nonce: abc
    cpus: 1
    memory_mib: 256
"""

RETURN = r"""
first_answer_ms:
  description: From the engine's start call to the first right answer, in milliseconds.
  returned: state is started
  type: float
  sample: 412.7
polls:
  description: How many polls that took.
  returned: state is started
  type: int
  sample: 9
identity:
  description: What the service said of itself.
  returned: state is started
  type: dict
  sample: {service: todos-go, nonce: abc, artifact: 5f0c, threads: 1}
image_id:
  description: Id of the image that runs.
  returned: state is started
  type: str
  sample: sha256:5f0c
ended:
  description: The container ended by itself before it answered.
  returned: on failure
  type: bool
  sample: true
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import caps, first_answer
from ansible.module_utils.unilab.platforms.docker_engine import Engine


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "absent"], "default": "started"},
            "image": {"type": "str"},
            "env": {"type": "dict", "default": {}},
            "port": {"type": "int", "default": 8080},
            "address": {"type": "str"},
            "nonce": {"type": "str"},
            "cpus": {"type": "float"},
            "memory_mib": {"type": "int"},
            "cpuset": {"type": "str", "default": ""},
            "timeout_s": {"type": "float", "default": 120},
        },
        required_if=[("state", "started", ["image", "address", "nonce", "cpus", "memory_mib"])],
        supports_check_mode=True,
    )
    engine, name = Engine(), module.params["name"]
    try:
        if module.check_mode:
            there = engine.inspect(name) is not None
            module.exit_json(changed=there or module.params["state"] == "started")
        removed = engine.remove(name)
        if module.params["state"] == "absent":
            module.exit_json(changed=removed)
        _start(module, engine, name)
    except LabError as error:
        module.fail_json(msg=str(error))


def _start(module: AnsibleModule, engine: Engine, name: str) -> None:
    wanted = module.params
    port = f"{wanted['port']}/tcp"
    engine.create(
        name,
        {
            "Image": wanted["image"],
            "Env": [f"{key}={value}" for key, value in wanted["env"].items()],
            "ExposedPorts": {port: {}},
            "HostConfig": {
                "PortBindings": {port: [{"HostPort": str(wanted["port"])}]},
                # The tree is read-only in every runtime; /tmp is memory in every runtime.
                "ReadonlyRootfs": True,
                "Tmpfs": {"/tmp": ""},
                **caps.docker_resources(wanted["cpus"], wanted["memory_mib"], wanted["cpuset"]),
            },
        },
    )
    began_s = time.monotonic()
    engine.start(name)

    def alive() -> bool:
        found = engine.inspect(name)
        return bool(found and found["State"]["Running"])

    try:
        answer = first_answer.wait(
            wanted["address"], wanted["port"], wanted["nonce"], wanted["timeout_s"], alive
        )
    except first_answer.NoAnswer as error:
        module.fail_json(msg=str(error), ended=not alive())
    found = engine.inspect(name) or {}
    module.exit_json(
        changed=True,
        first_answer_ms=round((answer.at_s - began_s) * 1000, 3),
        polls=answer.polls,
        identity=answer.identity,
        image_id=found.get("Image", ""),
    )


if __name__ == "__main__":
    main()
