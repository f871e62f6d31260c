"""What an instance is started with, and how its host is reached."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.assembly.sources import HostVariables

Json = dict[str, Any]


class Settings(BaseModel):
    """The role's options and what it drew for this trial.

    Attributes:
        host: inventory name of the host that runs the instance.
        instance: name of the one instance.
        port: that every service listens on, unless its image has another.
        load_dir: folder of the load on the clients; load_processes: on all of them together.
        master: address at which load workers reach their master.
        provenance: host name to facts, as the module host_provenance returns them.
        control_directory: Ansible's folder of shared ssh connections.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    instance: str
    port: int
    load_dir: str
    load_processes: int
    master: str
    osv_options: list[str]
    nonce: str
    started_at: str
    provenance: dict[str, Json]
    control_directory: str = "/tmp"


@dataclass(frozen=True)
class Start:
    """Options of the module that starts the instance; each platform's tasks take what they know.

    Attributes:
        driven: whether the module service_instance starts, reads and ends it.
        ssh: the command that reaches the instance's host from the controller, empty where modules run there.
    """

    command_line: str
    environment: dict[str, str]
    vcpus: int
    cpus: float
    cap_percent: int
    memory_mib: int
    nonce: str
    answer: Json | None
    address: str
    publish_address: str
    port: int
    timeout_s: float
    mac: str
    bridge: str
    vhost: bool
    host_network: bool
    cpu_list: str
    host_cpu_list: str
    network: str
    pool_member: str
    namespace: str
    disk_uuid: str
    disk_writes: str
    disk_command_line: bool
    driven: bool
    ssh: list[str]


def ssh_command(host: HostVariables, settings: Settings) -> list[str]:
    """The command that reaches ``host``, over the connection that Ansible has to it."""
    control = host.ansible_control_path % {"directory": settings.control_directory}
    words = ["ssh", "-o", "BatchMode=yes", "-o", "ControlMaster=auto", "-o", "ControlPersist=30m"]
    # As ansible.cfg has it: a connection to a host that has gone ends by itself.
    words += ["-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=20", "-o", f"ControlPath={control}"]
    words += ["-o", f"User={host.ansible_user}"] * bool(host.ansible_user)
    words += ["-o", f"Port={host.ansible_port}"] * bool(host.ansible_port)
    words += ["-i", host.ansible_ssh_private_key_file] * bool(host.ansible_ssh_private_key_file)
    words += shlex.split(host.ansible_ssh_common_args) + shlex.split(host.ansible_ssh_extra_args)
    return [*words, host.ansible_host or settings.host]


def network_path(platform: str, start: Start) -> str:
    """How packets reach an instance of ``platform``, for its record; "" where nothing here decides it."""
    return {
        "docker": "the host's network" if start.host_network else "published port",
        "native": "the host's network",
        "qemu": "vhost-net" if start.vhost else "virtio in QEMU",
    }.get(platform, "")


def number_of_cpus(cpu_list: str) -> int:
    """How many CPUs a list such as ``0,2-3`` has, 0 for an empty one. Raises ValueError for another text."""
    parts = (part.partition("-") for part in cpu_list.split(",") if part)
    return sum(int(last or first) - int(first) + 1 for first, _, last in parts)


def mac_of(host: str, instance: str) -> str:
    """The instance's network card: the same at every boot, else it is looked for where the last one was."""
    digits = hashlib.sha256(f"{host}{instance}".encode()).hexdigest()
    return "02:00:" + ":".join(digits[at : at + 2] for at in range(0, 8, 2))
