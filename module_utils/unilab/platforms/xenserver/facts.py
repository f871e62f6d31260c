"""What a host says of itself."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.unilab.platforms.xenserver import places
from ansible.module_utils.unilab.platforms.xenserver.guest import has_template
from ansible.module_utils.unilab.platforms.xenserver.session import Xapi


def facts_of(xapi: Xapi, sr: str, network: str) -> dict[str, Any]:
    """The facts that the module xenserver_facts returns. Raises LabError."""
    (pool,) = xapi.call.pool.get_all()
    host = xapi.call.host.get_record(xapi.call.pool.get_master(pool))
    software, cpu = host["software_version"], host["cpu_info"]
    versions = {key: software[key] for key in ("xen", "xapi", "platform_version") if key in software}
    storage = xapi.call.SR.get_record(places.storage(xapi, sr))
    found = xapi.call.network.get_record(places.network(xapi, network)) if network else {}
    return {
        "provenance": {
            "cpu": cpu.get("modelname", "unknown"),
            "cpus": int(cpu.get("cpu_count", 0)),
            "cpu_mhz": cpu.get("speed", "unknown"),
            "kernel": software.get("linux", "unknown"),
            "operating_system": f"{software.get('product_brand')} {software.get('product_version')}",
            "virtualization": "xen",
            "versions": versions,
        },
        # What the double of the tests says of itself, so that its figures are not taken for Xen's.
        "accelerator": software.get("unilab_accelerator", "xen"),
        "cap_enforced": software.get("unilab_cap_enforced", "true") == "true",
        "api_version": [int(host["API_version_major"]), int(host["API_version_minor"])],
        "sr": {
            "uuid": storage["uuid"],
            "name": storage["name_label"],
            "type": storage["type"],
            "free_bytes": int(storage["physical_size"]) - int(storage["physical_utilisation"]),
        },
        "network": {"uuid": found["uuid"], "name": found["name_label"], "bridge": found["bridge"]}
        if found
        else {},
        "template": has_template(xapi),
    }
