"""The members of a pool, and the one that runs a guest."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver import places
from ansible.module_utils.unilab.platforms.xenserver.session import Xapi


def find(xapi: Xapi, name: str) -> str:
    """Reference of the member with this name, uuid or address; "" is the coordinator. Raises LabError."""
    if not name:
        return str(xapi.call.pool.get_master(places.pool(xapi)))
    records = {ref: xapi.call.host.get_record(ref) for ref in xapi.call.host.get_all()}
    found = [ref for ref, row in records.items() if name in (row["uuid"], row["name_label"], row["address"])]
    if len(found) != 1:
        many = f"{len(found)} members of the pool are" if found else "no member of the pool is"
        known = ", ".join(sorted(f"{row['name_label']} ({row['address']})" for row in records.values()))
        raise LabError(f"key host: {many} named '{name}'. Remedy: give the name or uuid of one of {known}.")
    return found[0]


def choose(xapi: Xapi, vm: str, name: str) -> str:
    """Reference of the member on which the guest ``vm`` starts. Raises LabError.

    With a ``name`` that member. Else the coordinator, or, where the coordinator cannot run the guest (it
    does not reach its storage or network, or is disabled), the possible member with the lowest uuid. The
    choice is thus the same at each boot, while VM.start leaves it to XAPI.
    """
    chosen = find(xapi, name)
    if name:
        return chosen
    possible: list[str] = xapi.call.VM.get_possible_hosts(vm)
    if chosen in possible:
        return chosen
    if not possible:
        raise LabError(
            "no member of the pool can run the guest. Remedy: check that a host is enabled and reaches "
            "storage and network."
        )
    return min(possible, key=lambda ref: str(xapi.call.host.get_record(ref)["uuid"]))


def describe(xapi: Xapi, ref: str) -> dict[str, str]:
    """uuid, name and address of a member; empty for a guest that runs nowhere."""
    if ref == places.NULL:
        return {}
    return summary(xapi.call.host.get_record(ref))


def summary(record: dict[str, Any]) -> dict[str, str]:
    """uuid, name and address out of a host's record."""
    return {"uuid": record["uuid"], "name": record["name_label"], "address": record["address"]}
