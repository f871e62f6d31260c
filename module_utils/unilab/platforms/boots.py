"""From the image and the start of an assembled trial to what each platform boots."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import qemu
from ansible.module_utils.unilab.platforms.docker_platform import DockerBoot
from ansible.module_utils.unilab.platforms.native_platform import NativeBoot

Values = Mapping[str, Any]


def boot_of(platform: str, image: Values, start: Values, accelerator: str) -> Any:
    """What ``platform`` boots; ``image`` and ``start`` as contracts/assembly makes them. Raises LabError."""
    return _BOOTS[platform](image, start, accelerator)


def _docker(image: Values, start: Values, accelerator: str) -> DockerBoot:
    address = start["publish_address"] or start["address"]
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise LabError(
            f"key service_address: {address} is no IP address, and this machine does not know what the host "
            "resolves. Remedy: give the host's IP address as service_address in the inventory."
        ) from None
    return DockerBoot(
        image=image["name"],
        env=start["environment"],
        port=int(start["port"]),
        cpus=float(start["cpus"]),
        memory_mib=int(start["memory_mib"]),
        published_on=[address],
        cpuset=start["cpu_list"],
        host_network=bool(start["host_network"]),
    )


def _native(image: Values, start: Values, accelerator: str) -> NativeBoot:
    return NativeBoot(
        image=Path(image["path"]),
        command=start["command_line"],
        environment=start["environment"],
        cpus=float(start["cpus"]),
        memory_mib=int(start["memory_mib"]),
        cpuset=start["cpu_list"],
    )


def _qemu(image: Values, start: Values, accelerator: str) -> qemu.Boot:
    def path(name: str) -> Path | None:
        return Path(image[name]) if image[name] else None

    return qemu.Boot(
        accelerator=accelerator,
        vcpus=int(start["vcpus"]),
        memory_mib=int(start["memory_mib"]),
        kernel=path("kernel"),
        initrd=path("initrd"),
        command_line=start["command_line"],
        disk=path("path"),
        disk_writes=start["disk_writes"],
        disk_format=image["disk_format"],
        machine=image["machine"],
        bridge=start["bridge"],
        cpus=start["cpu_list"],
        host_cpus=start["host_cpu_list"],
        vhost=bool(start["vhost"]),
    )


_BOOTS: dict[str, Callable[[Values, Values, str], Any]] = {
    "docker": _docker,
    "native": _native,
    "qemu": _qemu,
}
