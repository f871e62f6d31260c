"""Guests of XenServer, controlled through XAPI from the controller."""

from __future__ import annotations

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.base import Cap, Host, Instance, Memory, cap
from ansible.module_utils.unilab.platforms.xenserver import guest, hosts, running
from ansible.module_utils.unilab.platforms.xenserver.session import Login, session

# A limit of ``running.read_limits`` to its row: resource, kind, unit.
_CAPS = {
    "vcpus": ("cpu", "vcpus", "cpus"),
    "cap": ("cpu", "cap", "cpus"),
    "weight": ("cpu", "weight", "weight"),
    "mask": ("cpu", "cpuset", "cpu list"),
    "memory_limit": ("memory", "limit", "bytes"),
    "memory_actual": ("memory", "allocation", "bytes"),
}


class XenServerPlatform:
    """XenServer or XCP-ng."""

    name = "xenserver"
    needs: tuple[str, ...] = ("connection",)
    changes_caps = False

    def start(self, host: Host, instance: Instance, boot: guest.Wanted) -> None:
        """Create a fresh guest and start it."""
        with session(_login(instance)) as xapi:
            guest.remove(xapi, instance.name)
            vm = guest.create(xapi, boot)
            guest.start(xapi, vm, hosts.choose(xapi, vm, boot.host))

    def stop(self, host: Host, instance: Instance) -> bool:
        """Halt the guest and remove it with its disk. True when there was anything."""
        with session(_login(instance)) as xapi:
            return guest.remove(xapi, instance.name)

    def runs(self, host: Host, instance: Instance) -> bool:
        """Whether XAPI reports the guest as running."""
        with session(_login(instance)) as xapi:
            vm, _ = guest.find(xapi, instance.name)
            return bool(vm) and guest.runs(xapi, vm)

    def read_caps(self, host: Host, instance: Instance) -> list[Cap]:
        """Caps of the running guest, as XAPI states them."""
        found = running.read_limits(dict(instance.connection), instance.name)
        rows = []
        for key, (resource, kind, unit) in _CAPS.items():
            source, value = found[key]
            if value not in ("", 0):  # no mask, no cap
                rows.append(cap(resource, kind, source, value, unit))
        source, scheduler = found["scheduler"]
        rows += [
            cap("cpu", f"scheduler_{key}", source, value, key) for key, value in sorted(scheduler.items())
        ]
        return rows

    def set_caps(self, host: Host, instance: Instance, cpus: float, memory_mib: int, cpuset: str) -> None:
        """Nothing can be changed. Raises LabError."""
        raise LabError("XAPI reads the caps of a guest only at its start. Remedy: start it with others.")

    def read_memory(self, host: Host, instance: Instance) -> list[Memory]:
        """Memory of the running guest, as XAPI reports it."""
        found = running.read_memory(dict(instance.connection), instance.name)
        return [Memory(kind, source, size_bytes) for kind, (source, size_bytes) in found.items()]


def _login(instance: Instance) -> Login:
    return Login.of(dict(instance.connection))
