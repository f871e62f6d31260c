"""The facts of a host, as XAPI has them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.unilab.platforms.xenserver import hosts, places
from ansible.module_utils.unilab.platforms.xenserver.guest import has_template
from ansible.module_utils.unilab.platforms.xenserver.session import Xapi


def facts_of(xapi: Xapi, sr: str, network: str, member: str = "") -> dict[str, Any]:
    """The facts of ``member`` or the coordinator, as xenserver_facts returns them. Raises LabError."""
    host = xapi.call.host.get_record(hosts.find(xapi, member))
    software, cpu = host["software_version"], host["cpu_info"]
    versions = {key: software[key] for key in ("xen", "xapi", "platform_version") if key in software}
    storage = xapi.call.SR.get_record(places.storage(xapi, sr))
    found = xapi.call.network.get_record(places.network(xapi, network)) if network else {}
    return {
        "provenance": {
            "cpu": cpu.get("modelname", "unknown"),
            "cpus": _number(cpu.get("cpu_count", "")),
            "cpu_mhz": cpu.get("speed", "unknown"),
            "kernel": software.get("linux", "unknown"),
            "operating_system": f"{software.get('product_brand')} {software.get('product_version')}",
            "virtualization": "xen",
            "versions": versions,
        },
        "host": hosts.summary(host),
        "members": [hosts.describe(xapi, ref) for ref in xapi.call.host.get_all()],
        # Only the double of the tests has these keys: its figures are not to be taken for Xen's.
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


def _number(text: str) -> int:
    """A number out of a map of strings, which the data model does not bound; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
