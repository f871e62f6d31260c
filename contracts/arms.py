"""The arms that a study can name: a runtime on a platform.

Beside those of ``ARMS`` there is one for each unikernel that a study describes under ``prebuilt``.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.control import arm_booted


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: as studies write it, for example ``linux-qemu``.
        runtime: what surrounds the service: docker, linux, osv or prebuilt.
        platform: what runs the runtime: docker, qemu or xenserver.
        host_group: the inventory group whose first host runs it.
    """

    name: str
    runtime: str
    platform: str
    host_group: str


ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("docker", "docker", "docker", "docker_hosts"),
        Arm("linux-qemu", "linux", "qemu", "qemu_hosts"),
        Arm("osv-qemu", "osv", "qemu", "qemu_hosts"),
        Arm("linux-xenserver", "linux", "xenserver", "xenserver_hosts"),
        Arm("osv-xenserver", "osv", "xenserver", "xenserver_hosts"),
    )
}

PREBUILT_SUFFIX = "-qemu"


def arm_named(name: str) -> Arm:
    """The arm called ``name``: one of ``ARMS``, or the arm of a prebuilt unikernel.

    A control's second name is that of its arm. Raises KeyError for a name that none can have.
    """
    name = arm_booted(name)
    if name not in ARMS and not name.endswith(PREBUILT_SUFFIX):
        raise KeyError(name)
    return ARMS.get(name) or Arm(name, "prebuilt", "qemu", "qemu_hosts")


WORKLOADS = ("todos", "bubble_sort")
LANGUAGES = ("go", "java", "python")
# Other builds of a service, for studies that name them: WORKLOAD-LANGUAGE.VARIANT.
VARIANTS = {"go": ("static", "shared")}
SERVICES = tuple(
    f"{workload}-{language}{variant}"
    for workload in WORKLOADS
    for language in LANGUAGES
    for variant in ("", *(f".{name}" for name in VARIANTS.get(language, ())))
)


def split_service(service: str) -> tuple[str, str]:
    """Return (workload, language) of a service such as ``bubble_sort-python`` or ``todos-go.static``."""
    workload, _, language = service.partition(".")[0].rpartition("-")
    return workload, language


def is_variant(service: str) -> bool:
    """Whether ``service`` is another build, such as ``todos-go.static``, of one that its name begins with."""
    return "." in service
