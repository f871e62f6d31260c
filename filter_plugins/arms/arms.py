"""Filters from a study and its arms to what roles need of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts.arms import arm_named
from contracts.platforms import PLATFORMS
from contracts.workload import split_service

Json = dict[str, Any]


def runs_on(lab: Json, runtime: str, platform: str) -> bool:
    """Whether an arm with this runtime on this platform can run; ``lab``: result of the module study."""
    arms = map(arm_named, _runnable(lab))
    return any((arm.runtime, arm.platform) == (runtime, platform) for arm in arms)


def hosts_unused(lab: Json, groups: dict[str, list[str]]) -> list[str]:
    """Hosts that run no arm of the study which can run; ``lab`` and ``groups`` as in ``arms_waiting``."""
    hosts = {host for platform in PLATFORMS.values() for host in groups.get(platform.host_group, [])}
    return sorted(hosts - set(_hosts(lab, groups).values()))


def arms_waiting(lab: Json, skipped_hosts: dict[str, str], groups: dict[str, list[str]]) -> list[Json]:
    """Arms that could run and must wait, with why and remedy, as ``contracts.campaign.NotRun`` has them.

    ``lab`` is the result of the module study, ``skipped_hosts`` the hosts that this run omits, to why;
    ``groups`` are the inventory's, of which an arm's first host runs it.
    """
    remedy = "see to it, and give the same command again: this campaign goes on then"
    return [
        {"arm": arm, "why": f"{host}: {skipped_hosts[host].rstrip('.')}", "remedy": remedy}
        for arm, host in _hosts(lab, groups).items()
        if host in skipped_hosts
    ]


def _hosts(lab: Json, groups: dict[str, list[str]]) -> dict[str, str]:
    """The host of each arm that can run."""
    return {name: groups[arm_named(name).host_group][0] for name in _runnable(lab)}


def _runnable(lab: Json) -> list[str]:
    """Arms of the study that can run."""
    missing = {row["arm"] for row in lab["not_run"]}
    return [name for name in lab["study"]["arms"] if name not in missing]


def platforms_of(group_names: Sequence[str]) -> list[str]:
    """Platforms whose instances a host that is in these groups runs."""
    return [platform.name for platform in PLATFORMS.values() if platform.host_group in group_names]


def platform_hosts(groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Hosts of all platforms, each once; ``groups`` are the inventory's."""
    hosts = (host for platform in PLATFORMS.values() for host in groups.get(platform.host_group, []))
    return list(dict.fromkeys(hosts))


def workload_of(service: str) -> str:
    """Workload of a service."""
    return split_service(service)[0]


def arm_of(name: str) -> Json:
    """Name, runtime, platform and host group of an arm, under either name of a control."""
    arm = arm_named(name)
    return {
        "name": arm.name,
        "runtime": arm.runtime,
        "platform": arm.platform,
        "host_group": arm.host_group,
    }


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "arms_waiting": arms_waiting,
            "hosts_unused": hosts_unused,
            "runs_on": runs_on,
            "platforms_of": platforms_of,
            "platform_hosts": platform_hosts,
            "workload_of": workload_of,
            "arm_of": arm_of,
        }
