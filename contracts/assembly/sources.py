"""What a trial is assembled from: the variables of its hosts, and two files on the controller."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import InputError, validate
from contracts.workload import Workload

Json = dict[str, Any]


class HostVariables(BaseModel):
    """Variables of the inventory host that runs the instance, with their defaults.

    Attributes:
        service_address: where a container's published port answers; by default the host's own address.
        service_publish_address: where it is published, if that is another address of the host.
        guest_address, guest_prefix_length, guest_gateway: of the one guest of a trial.
        guest_namespace: network namespace of the controller from which a guest is asked, "" for its own.
        instance_cpus: CPU list that every instance on the host is bound to, "" for all.
        guest_cpus: the same for guests alone.
        host_cpus: CPU list of the threads of a guest's QEMU that are no virtual CPUs. "" binds all of QEMU to
            the instance's CPUs.
        driven_over_ssh: whether instances of this host are driven from the controller, by few commands over
            one ssh connection, for a host on which Python takes seconds. The login is root's, and the
            controller reaches the service, from ``guest_namespace`` where it is not "".
        ansible_user and the like: how Ansible reaches the host.
        group_names: the groups that the host is in.
        qemu_host_bridge, qemu_host_vhost: the guest's network card, as the role qemu_host has them.
        xenserver_host_network: network that a XenServer's guest joins, by name.
        xenserver_host_member: of a pool, the member that runs the guest; "" leaves it to the pool.
        xenserver_image_disks: image path to the uuid of its uploaded disk.
        host_facts, qemu_host_accelerator, xenserver_host_found: what is known of the host, see
            ``contracts.platforms.Platform.accelerator``.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    service_address: str = ""
    service_publish_address: str = ""
    ansible_host: str = ""
    guest_address: IPv4Address | None = None
    guest_prefix_length: int = Field(default=24, ge=0, le=32)
    guest_gateway: str = ""
    guest_namespace: str = ""
    guest_cpus: str = ""
    instance_cpus: str = ""
    host_cpus: str = ""
    group_names: list[str] = []
    driven_over_ssh: bool = False
    ansible_user: str = ""
    ansible_port: int | None = None
    ansible_ssh_private_key_file: str = ""
    ansible_ssh_common_args: str = ""
    ansible_ssh_extra_args: str = ""
    ansible_control_path: str = "%(directory)s/unilab-%%C"
    qemu_host_bridge: str = "br0"
    qemu_host_vhost: bool = False
    xenserver_host_network: str = "Pool-wide network associated with eth0"
    xenserver_host_member: str = ""
    xenserver_image_disks: dict[str, str] = {}
    host_facts: Json = {}
    qemu_host_accelerator: Json = {}
    xenserver_host_found: Json = {}


def host_variables(name: str, variables: Mapping[str, Any]) -> HostVariables:
    """Those of ``variables``, of the inventory host ``name``, that a trial needs.

    Others are not touched: each would be templated. Raises InputError.
    """
    found = {key: plain(variables[key]) for key in HostVariables.model_fields if key in variables}
    given = {key: value for key, value in found.items() if value not in (None, "")}
    return validate(HostVariables, given, Path(f"inventory host {name}"), "correct the variable")


def image_of(name: str, variables: Mapping[str, Any], fact: str, key: str) -> Json:
    """The image ``key`` of the fact ``fact``, which an image role set on host ``name``. Raises InputError."""
    images = variables.get(fact, {})
    if key not in images:
        known = ", ".join(sorted(images)) or "none"
        role = fact.removesuffix("_images")
        raise InputError(
            f"inventory host {name}",
            fact,
            f"no image of {key}; known are {known}",
            f"run the role {role} on this host, with the same study",
        )
    found: Json = plain(images[key])
    return found


def first_response(project: Path, workload: Workload) -> Json:
    """The workload's first reference response: path, status, body, parameters. Raises InputError."""
    path = project / workload.responses
    content = _read_json(path, "restore the file")
    wanted = {"path", "status", "body"}
    if not isinstance(content, list) or not content or not wanted <= set(content[0]):
        raise InputError(path, "", "holds no response with path, status and body", "restore the file")
    return {key: content[0][key] for key in wanted} | {"parameters": content[0].get("parameters", [])}


def ceiling_per_s(campaign: Path, workload: Workload) -> float:
    """Requests per second of which a load process is capable, by the calibration. Raises InputError."""
    path = campaign / "calibration" / f"{workload.name}.json"
    remedy = "remove the file: the next run calibrates again"
    content = _read_json(path, remedy)
    value = content.get("ceiling_per_s") if isinstance(content, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(path, "ceiling_per_s", "missing, or no number", remedy)
    return float(value)


def plain(value: Any) -> Any:
    """``value`` as dictionaries, lists and scalars of Python: Ansible's own template when they are read."""
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in value}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(each) for each in value]
    return value


def _read_json(path: Path, remedy: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, "", f"cannot read: {error.strerror}", remedy) from None
    except ValueError as error:
        raise InputError(path, "", f"not JSON: {error}", remedy) from None
