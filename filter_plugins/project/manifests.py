"""Where the manifest of a service is."""

from __future__ import annotations

from collections.abc import Callable


def service_manifest(service: str) -> str:
    """Path below the services' folder: ``todos/go``, and ``todos/go/Capstanfile.static`` of a variant."""
    plain, _, variant = service.partition(".")
    folder = "/".join(plain.rsplit("-", maxsplit=1))
    return f"{folder}/Capstanfile.{variant}" if variant else folder


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Name the filters."""
        return {"service_manifest": service_manifest}
