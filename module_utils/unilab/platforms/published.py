"""The addresses of this host at which a service is published: those that the load uses and no other."""

from __future__ import annotations

import errno
import ipaddress
import socket

from ansible.module_utils.unilab.errors import LabError

# RFC 5737 and RFC 3849: addresses of documentation, to which no packet is sent here.
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}

_REMEDY = "Remedy: give the host's IP address as service_address in the inventory."


def published_on(address: str) -> list[str]:
    """Addresses of this host for ``address``, which is an IP address or a name.

    Debian gives a host's own name the address 127.0.1.1, where clients do not reach it. For such a name the
    address from which this host reaches others is taken. Raises LabError where ``address`` gives none.
    """
    found = _resolved(address)
    if not _is_ip(address):
        found = [ip for ip in found if not ipaddress.ip_address(ip).is_loopback] or _outward()
    if not found:
        raise LabError(f"key address: this host resolves {address} to its loopback interface only. {_REMEDY}")
    for ip in found:
        _require_local(address, ip)
    return found


def _resolved(address: str) -> list[str]:
    try:
        rows = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise LabError(f"key address: this host cannot resolve {address}: {error}. {_REMEDY}") from None
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def _outward() -> list[str]:
    """The source addresses of packets that leave this host: of its default routes."""
    found = []
    for family, elsewhere in _ELSEWHERE.items():
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue
    return found


def _require_local(address: str, ip: str) -> None:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((ip, 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            return
        named = "" if ip == address else f" ({ip})"
        raise LabError(
            f"key address: {address}{named} is no address of this host. Remedy: give one as service_address, "
            "or, behind address translation, the host's own address as service_publish_address."
        ) from None


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
