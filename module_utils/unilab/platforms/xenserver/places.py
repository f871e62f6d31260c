"""Storage and network of a pool by name or uuid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.answers import ForeignAnswer
from ansible.module_utils.unilab.platforms.xenserver.session import Xapi

NULL = "OpaqueRef:NULL"


def pool(xapi: Xapi) -> str:
    """Reference of the pool: each XAPI has one. Raises ForeignAnswer."""
    found: list[str] = xapi.call.pool.get_all()
    if len(found) != 1:
        raise ForeignAnswer("pool.get_all", f"it has {len(found)} pools, and each XAPI has one")
    return found[0]


def storage(xapi: Xapi, name: str) -> str:
    """Reference of the SR with this name or uuid; "" is the pool's default. Raises LabError."""
    if name:
        return _one(xapi.call.SR, "storage repository", "sr", name)
    ref: str = xapi.call.pool.get_default_SR(pool(xapi))
    try:
        xapi.call.SR.get_record(ref)
    except _failure():
        raise LabError(
            "key sr: the pool has no default storage repository. Remedy: name one, as `xe sr-list` does."
        ) from None
    return ref


def network(xapi: Xapi, name: str) -> str:
    """Reference of the network with this name or uuid. Raises LabError."""
    return _one(xapi.call.network, "network", "network", name)


def _one(messages: Any, what: str, key: str, name: str) -> str:
    found: list[str] = messages.get_by_name_label(name)
    if not found:
        try:
            found = [messages.get_by_uuid(name)]
        except _failure():
            found = []
    if len(found) != 1:
        many = f"{len(found)} {what}s are" if found else f"no {what} is"
        raise LabError(f"key {key}: {many} named '{name}'. Remedy: give its uuid (`xe {key}-list`).")
    return found[0]


def _failure() -> type[Exception]:
    from XenAPI import Failure

    failure: type[Exception] = Failure
    return failure


def named(messages: Any, name: str, keep: Callable[[dict[str, Any]], bool]) -> dict[str, dict[str, Any]]:
    """Objects with this name whose record ``keep`` accepts: reference to record."""
    records = {ref: messages.get_record(ref) for ref in messages.get_by_name_label(name)}
    return {ref: record for ref, record in records.items() if keep(record)}
