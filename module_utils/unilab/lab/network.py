"""The one-machine laboratory's network: a bridge and its machines in namespaces of their own.

    LAB-switch   bridge br0 with the gateway's address; one port per machine
    LAB-MACHINE  eth0 with the machine's address (or bridge br0, for a machine that runs guests)

Nothing is added to the user's own namespace: no interface, no route, no rule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.errors import LabError

BRIDGE = "br0"


@dataclass(frozen=True)
class Port:
    """A machine's place on the switch. ``bridged``: its address sits on a bridge for its guests."""

    machine: str
    address: str
    bridged: bool = False


def namespace_of(lab: str, machine: str) -> str:
    """Name of the network namespace of ``machine``."""
    return f"{lab}-{machine}"


def present(lab: str, gateway: str, ports: list[Port], owner: str = "") -> bool:
    """Create the missing parts of the network; True when there were any.

    ``owner`` is the folder of the laboratory, recorded at the bridge. Raises LabError where the network
    belongs to another.
    """
    require_owner(lab, owner)
    switch = namespace_of(lab, "switch")
    changed = _namespace(switch)
    changed |= _bridge(switch, gateway)
    if owner:
        _ip(switch, "link", "set", BRIDGE, "alias", _alias(owner))
    for port in ports:
        namespace = namespace_of(lab, port.machine)
        changed |= _namespace(namespace)
        changed |= _veth(switch, port, namespace)
        if port.bridged:
            changed |= _bridge(namespace, port.address)
            changed |= _enslave(namespace, "eth0")
        else:
            changed |= _address(namespace, "eth0", port.address)
        _ip(namespace, "link", "set", "eth0", "up")
    return changed


def require_owner(lab: str, owner: str) -> None:
    """Raise LabError where the network of this name belongs to another laboratory."""
    switch = namespace_of(lab, "switch")
    if not owner or switch not in _namespaces():
        return
    found = str(_links(switch).get(BRIDGE, {}).get("ifalias", ""))
    if found and found != _alias(owner):
        raise LabError(
            f"key lab: the network namespaces {lab}-* belong to the laboratory in {found}. Remedy: give this "
            "laboratory another name, -e local_lab_name=NAME, or stop that one."
        )


def _alias(owner: str) -> str:
    """The owner as the alias of an interface, which has 255 bytes at most (IFALIASZ)."""
    return owner if len(owner.encode()) < 256 else f"sha256:{sha256(owner.encode()).hexdigest()}"


def absent(lab: str, owner: str = "") -> bool:
    """Remove every namespace of the laboratory, and with them all its interfaces.

    Raises LabError where they belong to another ``owner``.
    """
    require_owner(lab, owner)
    names = [name for name in _namespaces() if name.startswith(f"{lab}-")]
    for name in names:
        run(["ip", "netns", "delete", name])
    return bool(names)


def missing(lab: str, ports: list[Port]) -> list[str]:
    """Namespaces that ``present`` would have to make."""
    wanted = [namespace_of(lab, "switch")] + [namespace_of(lab, port.machine) for port in ports]
    return sorted(set(wanted) - set(_namespaces()))


def tap(namespace: str | None, name: str, bridge: str) -> None:
    """Make the tap device ``name`` as a port of ``bridge``, in ``namespace`` or in our own."""
    if name not in _links(namespace):
        _ip(namespace, "tuntap", "add", "dev", name, "mode", "tap")
    _ip(namespace, "link", "set", name, "master", bridge, "up")


def remove_tap(namespace: str | None, name: str) -> None:
    """Remove the tap device ``name`` where it exists."""
    if namespace is not None and namespace not in _namespaces():
        return
    if name in _links(namespace):
        _ip(namespace, "link", "delete", name)


def _namespaces() -> list[str]:
    directory = Path("/run/netns")
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


def _namespace(name: str) -> bool:
    made = name not in _namespaces()
    if made:
        run(["ip", "netns", "add", name])
    _ip(name, "link", "set", "lo", "up")
    return made


def _bridge(namespace: str, address: str) -> bool:
    made = BRIDGE not in _links(namespace)
    if made:
        _ip(namespace, "link", "add", BRIDGE, "type", "bridge")
    _ip(namespace, "link", "set", BRIDGE, "up")
    return _address(namespace, BRIDGE, address) or made


def _veth(switch: str, port: Port, namespace: str) -> bool:
    if "eth0" in _links(namespace):
        return False
    octets = IPv4Interface(port.address).ip.packed
    # The kernel allows 15 bytes in an interface's name; ports are distinguished by the address.
    name = f"port{octets[-1]}"
    # An explicit MAC: udev in a booting machine replaces a random one, and the switch would keep
    # the old one in its ARP table for half a minute.
    mac = "02:00:" + ":".join(f"{octet:02x}" for octet in octets)
    if name in _links(switch):
        _ip(switch, "link", "delete", name)
    end = ["name", "eth0", "address", mac, "netns", namespace]
    _ip(switch, "link", "add", name, "type", "veth", "peer", *end)
    _ip(switch, "link", "set", name, "master", BRIDGE, "up")
    return True


def _enslave(namespace: str, interface: str) -> bool:
    if _links(namespace)[interface].get("master") == BRIDGE:
        return False
    _ip(namespace, "link", "set", interface, "master", BRIDGE)
    return True


def _address(namespace: str, interface: str, address: str) -> bool:
    wanted = IPv4Interface(address)
    listed = json.loads(_ip(namespace, "-json", "address", "show", "dev", interface) or "[]")
    held = {
        f"{row['local']}/{row['prefixlen']}"
        for link in listed
        for row in link.get("addr_info", [])
        if row["family"] == "inet"
    }
    if str(wanted) in held:
        return False
    _ip(namespace, "address", "replace", str(wanted), "dev", interface)
    return True


def _links(namespace: str | None) -> dict[str, dict[str, Any]]:
    return {link["ifname"]: link for link in json.loads(_ip(namespace, "-json", "link", "show") or "[]")}


def _ip(namespace: str | None, *words: str) -> str:
    within = ["-netns", namespace] if namespace else []
    return run(["ip", *within, *words])
