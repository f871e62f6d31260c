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
    description:
      - Address of the host that the load uses, an IP address or a name. The port is published there only.
    type: str
  publish_address:
    description:
      - Address of the host on which the port is published; empty for O(address).
      - Needed only where O(address) is translated to another one on its way to the host.
    type: str
    default: ""
  nonce:
    description: Nonce that the service must report.
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
  host_network:
    description: Let the container share the network of its host. Nothing is published then.
    type: bool
    default: false
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
  description: What the service reported of itself.
  returned: state is started
  type: dict
  sample: {service: todos-go, nonce: abc, artifact: 5f0c, threads: 1}
image_id:
  description: Id of the image that runs.
  returned: state is started
  type: str
  sample: sha256:5f0c
reading_script:
  description:
    - A shell script that prints the files of the container's control group.
    - Its output is the option C(reading) of the modules C(resource_cap) and C(footprint).
  returned: state is started
  type: str
  sample: cat /proc/4711/cgroup
ended:
  description: The container ended by itself before it answered.
  returned: on failure
  type: bool
  sample: true
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup, first_answer
from ansible.module_utils.unilab.platforms.base import Instance, LocalHost
from ansible.module_utils.unilab.platforms.docker_engine import Engine
from ansible.module_utils.unilab.platforms.docker_platform import DockerBoot, DockerPlatform
from ansible.module_utils.unilab.platforms.published import published_on
from ansible.module_utils.unilab.service import SERVICE_PORT


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "absent"], "default": "started"},
            "image": {"type": "str"},
            "env": {"type": "dict", "default": {}},
            "port": {"type": "int", "default": SERVICE_PORT},
            "address": {"type": "str"},
            "publish_address": {"type": "str", "default": ""},
            "nonce": {"type": "str"},
            "cpus": {"type": "float"},
            "memory_mib": {"type": "int"},
            "cpuset": {"type": "str", "default": ""},
            "host_network": {"type": "bool", "default": False},
            "timeout_s": {"type": "float", "default": 120},
        },
        required_if=[("state", "started", ["image", "address", "nonce", "cpus", "memory_mib"])],
        supports_check_mode=True,
    )
    platform, host, instance = DockerPlatform(), LocalHost(), Instance(module.params["name"])
    try:
        if module.check_mode:
            there = Engine(host).inspect(instance.name) is not None
            module.exit_json(changed=there or module.params["state"] == "started")
        if module.params["state"] == "absent":
            module.exit_json(changed=platform.stop(host, instance))
        _start(module, platform, host, instance)
    except LabError as error:
        module.fail_json(msg=str(error))


def _start(module: AnsibleModule, platform: DockerPlatform, host: LocalHost, instance: Instance) -> None:
    wanted = module.params
    addresses = published_on(wanted["publish_address"] or wanted["address"])
    boot = DockerBoot(
        image=wanted["image"],
        env=wanted["env"],
        port=wanted["port"],
        cpus=wanted["cpus"],
        memory_mib=wanted["memory_mib"],
        published_on=addresses,
        cpuset=wanted["cpuset"],
        host_network=wanted["host_network"],
    )
    platform.create(host, instance, boot)
    began_s = time.monotonic()
    platform.start(host, instance)
    try:
        answer = first_answer.wait(
            addresses[0],
            wanted["port"],
            wanted["nonce"],
            wanted["timeout_s"],
            alive=lambda: platform.runs(host, instance),
        )
    except first_answer.NoAnswer as error:
        module.fail_json(msg=str(error), ended=not platform.runs(host, instance))
    found = Engine(host).inspect(instance.name) or {}
    module.exit_json(
        changed=True,
        first_answer_ms=round((answer.at_s - began_s) * 1000, 3),
        polls=answer.polls,
        identity=answer.identity,
        image_id=found.get("Image", ""),
        reading_script=cgroup.script(found["State"]["Pid"]) if found else "",
    )


if __name__ == "__main__":
    main()
