"""Caps and memory of a running guest, each with the XAPI call that it was read by."""

from __future__ import annotations

import math
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver import guest
from ansible.module_utils.unilab.platforms.xenserver.session import Login, Xapi, session
from ansible.module_utils.unilab.units import KIB

Option = dict[str, Any]


def read_limits(option: Option, name: str) -> dict[str, tuple[str, Any]]:
    """Limits of the running guest ``name``: limit to (source, value). Raises LabError.

    Keys: vcpus (CPUs), cap (CPU time in CPUs), weight, mask (CPU list), memory_limit and memory_actual
    (bytes), scheduler (VCPUs_params of Xen's scheduler, empty where XAPI does not report them).
    """
    with session(Login.of(option)) as xapi:
        record, metrics = _running(xapi, name)
        hardware = guest.read_back(xapi, record)
    return {
        "vcpus": ("XAPI VM_metrics.VCPUs_number", int(metrics["VCPUs_number"])),
        "cap": ("XAPI VM.VCPUs_params cap, percent of one CPU / 100", hardware.cap_percent / 100),
        "weight": ("XAPI VM.VCPUs_params weight", hardware.weight),
        "mask": ("XAPI VM.VCPUs_params mask", hardware.mask),
        "scheduler": ("XAPI VM_metrics.VCPUs_params", metrics["VCPUs_params"]),
        "memory_limit": ("XAPI VM.memory_static_max", hardware.memory_bytes),
        "memory_actual": ("XAPI VM_metrics.memory_actual", int(metrics["memory_actual"])),
    }


def read_memory(option: Option, name: str) -> dict[str, tuple[str, int]]:
    """Memory of the running guest ``name`` by kind: (source, bytes). Raises LabError.

    ``allocation`` is the domain's pages now, ``allocation_mean`` the same over the last seconds from
    the host's round-robin database. ``guest_reported`` needs an agent within the guest, which OSv
    and unilab's Linux guest do not have; without one the key is missing.
    """
    with session(Login.of(option)) as xapi:
        _record, metrics = _running(xapi, name)
        vm, _ = guest.find(xapi, name)
        allocation = int(metrics["memory_actual"])
        rows = {"allocation": ("XAPI VM_metrics.memory_actual", allocation)}
        mean = _data_source(xapi, vm, "memory")
        if mean:
            rows["allocation_mean"] = ("XAPI VM.query_data_source memory (RRD)", int(mean))
        free_kib = _data_source(xapi, vm, "memory_internal_free")
        if free_kib is not None:
            source = "XAPI VM_metrics.memory_actual - VM.query_data_source memory_internal_free (RRD)"
            rows["guest_reported"] = (source, allocation - int(free_kib * KIB))
    return rows


def _running(xapi: Xapi, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    vm, record = guest.find(xapi, name)
    if not vm or record["power_state"] != guest.RUNNING:
        raise LabError(f"guest {name} does not run on {xapi.login.hostname}. Remedy: start it first.")
    return record, xapi.call.VM_metrics.get_record(record["metrics"])


def _data_source(xapi: Xapi, vm: str, name: str) -> float | None:
    """A value of the round-robin database, None where it has none of this name yet (or NaN)."""
    from XenAPI import Failure

    try:
        value = float(xapi.call.VM.query_data_source(vm, name))
    except Failure:
        return None
    return value if math.isfinite(value) else None
