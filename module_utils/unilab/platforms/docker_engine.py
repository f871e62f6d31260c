"""The few calls of the Docker Engine API that a trial needs, over the engine's own socket.

API: https://docs.docker.com/reference/api/engine/version/v1.41/ (Docker 20.10 and newer).
The command-line client is not used here because on an emulated CPU it takes seconds to start,
and those would stand in the boot time.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote, urlencode

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.base import Host, LocalHost

SOCKET = "/var/run/docker.sock"
API = "/v1.41"


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket of a host."""

    def __init__(self, host: Host, path: str, timeout_s: float) -> None:
        super().__init__("docker", timeout=timeout_s)
        self._machine, self._path, self._timeout_s = host, path, timeout_s

    def connect(self) -> None:
        """Connect to the engine's socket."""
        self.sock = self._machine.connect(self._path, self._timeout_s)


class Engine:
    """The Docker engine of ``host``, this machine by default."""

    def __init__(self, host: Host | None = None, path: str = "", timeout_s: float = 60) -> None:
        self._host, self._path, self._timeout_s = host or LocalHost(), path or SOCKET, timeout_s

    def version(self) -> dict[str, Any]:
        """Versions of the engine and its parts."""
        return self._call("GET", "/version")

    def create(self, name: str, configuration: dict[str, Any]) -> None:
        """Create the container ``name``. Raises LabError, for example when the image is missing."""
        self._call("POST", f"/containers/create?{urlencode({'name': name})}", configuration)

    def start(self, name: str) -> None:
        """Start the container. Raises LabError, for example when its port is taken."""
        self._call("POST", f"/containers/{quote(name)}/start")

    def update(self, name: str, resources: dict[str, Any]) -> None:
        """Change the container's resources while it runs."""
        self._call("POST", f"/containers/{quote(name)}/update", resources)

    def inspect(self, name: str) -> dict[str, Any] | None:
        """Everything that the engine knows of the container, None when there is none."""
        status, body = self._raw("GET", f"/containers/{quote(name)}/json")
        return None if status == 404 else _checked("inspect", status, body)

    def image(self, reference: str) -> dict[str, Any] | None:
        """Everything that the engine knows of the image, None when there is none."""
        status, body = self._raw("GET", f"/images/{quote(reference)}/json")
        return None if status == 404 else _checked("image", status, body)

    def remove(self, name: str) -> bool:
        """Kill and remove the container; True when there was one."""
        status, body = self._raw("DELETE", f"/containers/{quote(name)}?force=true&v=true")
        if status == 404:
            return False
        _checked("remove", status, body)
        return True

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return _checked(f"{method} {path}", *self._raw(method, path, body))

    def _raw(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        connection = _Connection(self._host, self._path, self._timeout_s)
        try:
            connection.request(
                method,
                API + path,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            return response.status, response.read()
        except (FileNotFoundError, ConnectionRefusedError):
            raise LabError(
                f"no Docker engine listens at {self._path}. Remedy: run the role docker_engine on this host."
            ) from None
        finally:
            connection.close()


def _checked(what: str, status: int, body: bytes) -> dict[str, Any]:
    content = json.loads(body) if body.strip() else {}
    if status >= 400:
        raise LabError(f"Docker refused '{what}': {content.get('message', status)}")
    return content if isinstance(content, dict) else {}
