"""The arms that a study can name: a runtime on a platform."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: as studies write it, for example ``linux-qemu``.
        runtime: what surrounds the service: docker, linux, osv or prebuilt.
        platform: what runs the runtime: docker, qemu or xenserver.
        host_group: the inventory group whose first host runs it.
        missing: why this version cannot run it, or "" when it can.
    """

    name: str
    runtime: str
    platform: str
    host_group: str
    missing: str = ""


_NO_XENSERVER = "a Linux guest has no disk yet that a XenServer could boot"

ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("docker", "docker", "docker", "docker_hosts"),
        Arm("linux-qemu", "linux", "qemu", "qemu_hosts"),
        Arm("osv-qemu", "osv", "qemu", "qemu_hosts"),
        Arm("linux-xenserver", "linux", "xenserver", "xenserver_hosts", _NO_XENSERVER),
        Arm("osv-xenserver", "osv", "xenserver", "xenserver_hosts"),
    )
}

WORKLOADS = ("todos", "bubble_sort")
LANGUAGES = ("go", "java", "python")
SERVICES = tuple(f"{workload}-{language}" for workload in WORKLOADS for language in LANGUAGES)


def split_service(service: str) -> tuple[str, str]:
    """Return (workload, language) of a service such as ``bubble_sort-python``."""
    workload, _, language = service.rpartition("-")
    return workload, language
