"""Every platform's implementation, by the name that ``contracts.platforms.PLATFORMS`` has for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.platforms.base import (
    Driven,
    GivenOutput,
    Host,
    Instance,
    LocalHost,
    Platform,
)
from ansible.module_utils.unilab.platforms.docker_platform import DockerPlatform
from ansible.module_utils.unilab.platforms.native_platform import NativePlatform
from ansible.module_utils.unilab.platforms.qemu_platform import QemuPlatform
from ansible.module_utils.unilab.platforms.xenserver.platform import XenServerPlatform
from ansible.module_utils.unilab.platforms.xenserver.session import OPTION as CONNECTION

_ALL: tuple[Platform[Any], ...] = (
    DockerPlatform(),
    NativePlatform(),
    QemuPlatform(),
    XenServerPlatform(),
)
# Those that the module service_instance drives.
DRIVEN: dict[str, Driven[Any]] = {
    platform.name: platform for platform in (DockerPlatform(), NativePlatform(), QemuPlatform())
}
IMPLEMENTATIONS: dict[str, Platform[Any]] = {platform.name: platform for platform in _ALL}

# Module options by which an instance is found; each platform names those that it needs.
OPTIONS: dict[str, Any] = {
    "platform": {"type": "str", "choices": list(IMPLEMENTATIONS), "required": True},
    "name": {"type": "str", "required": True},
    "directory": {"type": "path"},
    "connection": CONNECTION,
    "reading": {"type": "str"},
}
REQUIRED_IF = [("platform", platform.name, list(platform.needs)) for platform in _ALL if platform.needs]


def instance_of(params: Mapping[str, Any]) -> tuple[Platform[Any], Host, Instance]:
    """The platform, the host and the instance that module options with the keys of ``OPTIONS`` mean."""
    host: Host = LocalHost() if params["reading"] is None else GivenOutput(params["reading"])
    directory = Path(params["directory"]) if params["directory"] else None
    instance = Instance(params["name"], directory=directory, connection=params["connection"] or {})
    return IMPLEMENTATIONS[params["platform"]], host, instance
