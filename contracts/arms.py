"""The arms that a study can name: a runtime on a platform.

Beside those of the registered platforms there is one for each unikernel that a study describes under
``prebuilt``.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.control import arm_booted
from contracts.platforms import PLATFORMS


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: as studies write it, for example ``linux-qemu``.
        runtime: what surrounds the service: docker, linux, osv or prebuilt.
        platform: what runs the runtime, a name in ``contracts.platforms.PLATFORMS``.
        host_group: the inventory group whose first host runs it.
    """

    name: str
    runtime: str
    platform: str
    host_group: str


PREBUILT_PLATFORM = "qemu"
PREBUILT_SUFFIX = f"-{PREBUILT_PLATFORM}"


def known_arms() -> dict[str, Arm]:
    """The arms of all registered platforms, by name."""
    return {
        arm.name: Arm(arm.name, arm.runtime, platform.name, platform.host_group)
        for platform in PLATFORMS.values()
        for arm in platform.arms
    }


def arm_named(name: str) -> Arm:
    """The arm called ``name``: a registered one, or the arm of a prebuilt unikernel.

    A control's second name is that of its arm. Raises KeyError for a name that none can have.
    """
    name = arm_booted(name)
    known = known_arms()
    if name not in known and not name.endswith(PREBUILT_SUFFIX):
        raise KeyError(name)
    platform = PLATFORMS[PREBUILT_PLATFORM]
    return known.get(name) or Arm(name, "prebuilt", platform.name, platform.host_group)
