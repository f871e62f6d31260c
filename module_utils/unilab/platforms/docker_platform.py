"""Containers: started and ended through the engine's API, read from the files of their control group."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup
from ansible.module_utils.unilab.platforms.base import Cap, GivenOutput, Host, Instance, Memory
from ansible.module_utils.unilab.platforms.docker_engine import Engine
from ansible.module_utils.unilab.units import MIB

# The kernel's default period of a quota, in microseconds (Documentation/scheduler/sched-bwc.rst).
_PERIOD_US = 100_000


@dataclass(frozen=True)
class DockerBoot:
    """What a container is made of.

    Attributes:
        image: by name or id; it must be there, for nothing is pulled.
        port: that the service listens on, published on the same port of the host.
        published_on: addresses of the host on which the port is published; no other can reach it.
        cpus: CPUs' worth of time.
        cpuset: CPU list that the container is bound to, "" for all.
        host_network: whether it shares the network of its host; nothing is published then.
    """

    image: str
    env: Mapping[str, str]
    port: int
    cpus: float
    memory_mib: int
    published_on: Sequence[str]
    cpuset: str = ""
    host_network: bool = False


class DockerPlatform:
    """The Docker engine."""

    name = "docker"
    needs: tuple[str, ...] = ()
    changes_caps = True

    def prepare(self, host: Host, instance: Instance, boot: DockerBoot) -> None:
        """Create the container, in place of any of this name."""
        self.create(host, instance, boot)

    def launch(self, host: Host, instance: Instance, boot: DockerBoot) -> float:
        """Start the container that was created: when the engine was asked, by time.monotonic()."""
        began_s = time.monotonic()
        Engine(host).start(instance.name)
        return began_s

    def console(self, host: Host, instance: Instance) -> str:
        """Nothing: the engine keeps what a container writes."""
        return ""

    def create(self, host: Host, instance: Instance, boot: DockerBoot) -> None:
        """Create the container, in place of any of this name, without starting it."""
        engine = Engine(host)
        engine.remove(instance.name)
        engine.create(instance.name, configuration(boot))

    def start(self, host: Host, instance: Instance, boot: DockerBoot | None = None) -> None:
        """Start the container; with ``boot``, a fresh one."""
        if boot:
            self.create(host, instance, boot)
        Engine(host).start(instance.name)

    def stop(self, host: Host, instance: Instance) -> bool:
        """Kill and remove the container. True when there was one."""
        return Engine(host).remove(instance.name)

    def runs(self, host: Host, instance: Instance) -> bool:
        """Whether the container runs."""
        found = Engine(host).inspect(instance.name)
        return bool(found and found["State"]["Running"])

    def pid(self, host: Host, instance: Instance) -> int:
        """The pid, on the host, of the container's first process. Raises LabError when it does not run."""
        found = Engine(host).inspect(instance.name)
        if not found or not found["State"]["Running"]:
            raise LabError(f"container {instance.name} does not run: there is nothing to read.")
        return int(found["State"]["Pid"])

    def read_caps(self, host: Host, instance: Instance) -> list[Cap]:
        """Caps of the running container, from its control group."""
        return cgroup.caps(self._files(host, instance))

    def set_caps(self, host: Host, instance: Instance, cpus: float, memory_mib: int, cpuset: str) -> None:
        """Change the caps of the running container."""
        Engine(host).update(instance.name, resources(cpus, memory_mib, cpuset))

    def read_memory(self, host: Host, instance: Instance) -> list[Memory]:
        """Memory of the running container's control group."""
        files = self._files(host, instance)
        readings = cgroup.memory_in_use(files, cgroup.group_of(files))
        return [Memory(kind, reading.source, int(reading.value)) for kind, reading in readings.items()]

    def _files(self, host: Host, instance: Instance) -> cgroup.Files:
        if isinstance(host, GivenOutput):
            return cgroup.parse(host.output)
        pid = instance.pid or self.pid(host, instance)
        return cgroup.parse(host.shell(cgroup.script(pid)))


def configuration(boot: DockerBoot) -> dict[str, Any]:
    """The container in the engine's own terms."""
    port = f"{boot.port}/tcp"
    bindings = [{"HostIp": ip, "HostPort": str(boot.port)} for ip in boot.published_on]
    network: dict[str, Any] = (
        {"NetworkMode": "host"} if boot.host_network else {"PortBindings": {port: bindings}}
    )
    return {
        "Image": boot.image,
        "Env": [f"{key}={value}" for key, value in boot.env.items()],
        "ExposedPorts": {port: {}},
        "HostConfig": {
            **network,
            # The tree is read-only in every runtime; /tmp is memory in every runtime.
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": ""},
            **resources(boot.cpus, boot.memory_mib, boot.cpuset),
        },
    }


def resources(cpus: float, memory_mib: int, cpuset: str) -> dict[str, Any]:
    """The caps in the engine's own terms. No swap beyond memory: a cap that swaps is none."""
    memory_bytes = memory_mib * MIB
    wanted: dict[str, Any] = {
        # Not NanoCpus: the engine refuses more of them than CPUs that it may use itself. It may be bound to
        # the host's CPUs while containers have others.
        "CpuPeriod": _PERIOD_US,
        "CpuQuota": round(cpus * _PERIOD_US),
        "Memory": memory_bytes,
        "MemorySwap": memory_bytes,
    }
    if cpuset:
        wanted["CpusetCpus"] = cpuset
    return wanted
