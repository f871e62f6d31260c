from __future__ import annotations

import socket

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import published
from ansible.module_utils.unilab.platforms.docker_platform import DockerBoot, configuration
from ansible.module_utils.unilab.platforms.published import published_on


def _resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)


def test_ip_address_of_this_host_is_published() -> None:
    assert published_on("127.0.0.2") == ["127.0.0.2"]


def test_address_of_another_host_is_refused() -> None:
    with pytest.raises(
        LabError, match=r"192\.0\.2\.77 is no address of this host\. Remedy: .*publish_address"
    ):
        published_on("192.0.2.77")


def test_name_of_another_host_is_refused_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, "192.0.2.77")
    with pytest.raises(LabError, match=r"docker\.example \(192\.0\.2\.77\) is no address"):
        published_on("docker.example")


def test_name_that_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(LabError, match=r"cannot resolve no-such-host\.invalid: .*Remedy: "):
        published_on("no-such-host.invalid")


def test_own_name_with_address_of_loopback_is_published_outward(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, "127.0.1.1")
    # An address that this host has, in place of that of its default route.
    monkeypatch.setattr(published, "_outward", lambda: ["127.0.0.3"])
    assert published_on("docker-host") == ["127.0.0.3"]


def test_own_name_without_any_route_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, "127.0.1.1")
    monkeypatch.setattr(published, "_outward", list)
    with pytest.raises(LabError, match="resolves docker-host to its loopback interface only"):
        published_on("docker-host")


def test_container_is_published_on_these_addresses_only() -> None:
    wanted = configuration(DockerBoot("image", {}, 8080, 1, 64, published_on=["192.0.2.1", "2001:db8::1"]))
    assert wanted["HostConfig"]["PortBindings"] == {
        "8080/tcp": [
            {"HostIp": "192.0.2.1", "HostPort": "8080"},
            {"HostIp": "2001:db8::1", "HostPort": "8080"},
        ]
    }
