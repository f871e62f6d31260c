"""The platforms: what studies, records and reports need to know of what runs an instance.

This is the registry's part that needs neither Ansible nor a host. How a platform starts, reads and stops an
instance is in ``module_utils/unilab/platforms``, under the same name. Adding a platform: one description
here, one package there, one inventory group, and the task files of the role ``trial`` that carry its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# A dash pattern of Matplotlib: a name such as "--", or (offset, lengths of ink and gap in points).
LineStyle = Literal["-", "--", "-.", ":"] | tuple[int, tuple[float, ...]]
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """How figures draw an arm: colours on a light and a dark page, a marker, a line style."""

    colour: str
    dark_colour: str
    marker: str
    line_style: LineStyle


@dataclass(frozen=True)
class PlatformArm:
    """One runtime on the platform: the arm's name in studies, what surrounds the service, how it is drawn."""

    name: str
    runtime: str
    look: Look


@dataclass(frozen=True)
class Platform:
    """One platform.

    Attributes:
        name: as the module options ``platform`` and the task files of the role ``trial`` have it.
        label: for people.
        host_group: the inventory group whose first host runs its instances.
        is_guest: whether an instance has an address, virtual CPUs and a kernel of its own.
        caps: the resource (cpu, memory) to the kinds of ``contracts.trial.CapReading`` that limit it, and
            that a running instance is asked for.
        memory_kinds: kinds of ``contracts.trial.Footprint`` that it reports.
        accelerator: what runs an instance's own virtual CPU, from the facts about a host that its roles
            registered; kvm, tcg or xen, and none where it runs on the host's kernel.
        arms: the runtimes that it runs.
    """

    name: str
    label: str
    host_group: str
    is_guest: bool
    caps: Mapping[str, tuple[str, ...]]
    memory_kinds: tuple[str, ...]
    accelerator: Callable[[Facts], str]
    arms: tuple[PlatformArm, ...]


def processor_of_host(provenance: Facts) -> str:
    """What a host's own processor is: none for a real machine, else what emulates or shares it.

    ``provenance`` is what the module host_provenance returned: systemd-detect-virt's word is in it.
    """
    return {"qemu": "tcg", "kvm": "kvm", "xen": "xen"}.get(provenance.get("virtualization", "none"), "none")


def _no_accelerator(facts: Facts) -> str:
    """The instance runs on the kernel of its host."""
    return "none"


def _accelerator_probed(facts: Facts) -> str:
    """What booted a kernel: the role qemu_host's probe."""
    return str(facts.get("qemu_host_accelerator", {}).get("accelerator", "none"))


def _accelerator_of_xapi(facts: Facts) -> str:
    """What XAPI reports to the role xenserver_host."""
    return str(facts.get("xenserver_host_found", {}).get("accelerator", "none"))


PLATFORMS: dict[str, Platform] = {}


def register(platform: Platform) -> Platform:
    """Make ``platform`` known. Raises ValueError where its name or one of its arms is known already."""
    known = {arm.name for other in PLATFORMS.values() for arm in other.arms}
    taken = [name for name in (arm.name for arm in platform.arms) if name in known]
    if platform.name in PLATFORMS or taken:
        what = ", ".join(taken) or "the name"
        raise ValueError(f"platform '{platform.name}': {what} is registered already")
    PLATFORMS[platform.name] = platform
    return platform


def look_of(arm: str) -> Look | None:
    """How figures draw ``arm``, None for one that no platform names."""
    looks = (known.look for platform in PLATFORMS.values() for known in platform.arms if known.name == arm)
    return next(looks, None)


# Colours: Okabe and Ito, "Color universal design", 2008, separated by all common kinds of colour vision; on
# dark pages the same hues, light enough. An arm has the same look in every figure of every report.
register(
    Platform(
        name="docker",
        label="Docker",
        host_group="docker_hosts",
        is_guest=False,
        caps={"cpu": ("quota", "cpuset"), "memory": ("limit",)},
        memory_kinds=("cgroup", "docker_stats", "anonymous", "cgroup_peak"),
        accelerator=_no_accelerator,
        arms=(PlatformArm("docker", "docker", Look("#0072B2", "#56a8e0", "o", "-")),),
    )
)
register(
    Platform(
        name="native",
        label="systemd",
        host_group="docker_hosts",
        is_guest=False,
        caps={"cpu": ("quota", "cpuset"), "memory": ("limit",)},
        memory_kinds=("cgroup", "anonymous", "cgroup_peak"),
        accelerator=_no_accelerator,
        arms=(PlatformArm("native", "native", Look("#7F7F7F", "#b0b0b0", "P", (0, (3, 1)))),),
    )
)
register(
    Platform(
        name="qemu",
        label="QEMU",
        host_group="qemu_hosts",
        is_guest=True,
        caps={"cpu": ("vcpus", "cpuset"), "memory": ("allocation",)},
        memory_kinds=("guest_touched", "hypervisor_process", "allocation"),
        accelerator=_accelerator_probed,
        arms=(
            PlatformArm("linux-qemu", "linux", Look("#D55E00", "#f08a3c", "s", "--")),
            PlatformArm("osv-qemu", "osv", Look("#009E73", "#2fc79a", "D", "-.")),
        ),
    )
)
register(
    Platform(
        name="xenserver",
        label="XenServer",
        host_group="xenserver_hosts",
        is_guest=True,
        caps={"cpu": ("vcpus", "cap", "weight", "cpuset"), "memory": ("limit", "allocation")},
        memory_kinds=("allocation", "allocation_mean", "guest_reported"),
        accelerator=_accelerator_of_xapi,
        arms=(
            PlatformArm("linux-xenserver", "linux", Look("#E69F00", "#f0c050", "^", ":")),
            PlatformArm("osv-xenserver", "osv", Look("#CC79A7", "#e0a0c8", "v", (0, (6, 1, 1, 1, 1, 1)))),
        ),
    )
)
