"""What ran an instance: its own accelerator, its host's processor, and what arms are compared by."""

from __future__ import annotations

import pytest

from contracts.trial import Instance

SERVER = {"host_groups": ["docker_hosts", "qemu_hosts"], "host": "server"}
CONTAINER_HOST = {"host_groups": ["docker_hosts"], "host": "docker-host"}


def instance(accelerator: str, **more: object) -> Instance:
    """An instance whose record has nothing else that matters."""
    texts = dict.fromkeys(("artifact_sha256", "image_sha256", "kernel", "command_line", "address"), "x")
    numbers = {"image_bytes": 1, "vcpus": 1, "port": 8080}
    return Instance.model_validate({**texts, **numbers, "host": "h", "accelerator": accelerator, **more})


@pytest.mark.parametrize(
    ("row", "processor", "executed_by", "emulated"),
    [
        # Records before version 3: a container has its host's.
        (instance("tcg"), "tcg", "tcg", True),
        (instance("kvm"), "kvm", "kvm", False),
        (instance("none"), "none", "none", False),
        # The laboratory's container host and guests, of one emulator.
        (instance("none", host_processor="tcg", **CONTAINER_HOST), "tcg", "tcg", True),
        (instance("tcg", host_processor="none", host_groups=["qemu_hosts"]), "tcg", "tcg", True),
        # One emulated server.
        (instance("none", host_processor="tcg", **SERVER), "server (tcg)", "none", True),
        (instance("kvm", host_processor="tcg", **SERVER), "server (tcg)", "kvm", True),
        # One real server; where its KVM does not work its guests are emulated and stand apart.
        (instance("none", host_processor="none", **SERVER), "server (real machine)", "none", False),
        (instance("tcg", host_processor="none", **SERVER), "tcg", "tcg", True),
        # A hypervisor of its own on an emulated machine.
        (instance("kvm", host_processor="tcg", host_groups=["qemu_hosts"]), "kvm on tcg", "kvm", True),
    ],
)
def test_processor_of_an_instance(row: Instance, processor: str, executed_by: str, emulated: bool) -> None:
    assert (row.processor, row.executed_by, row.is_emulated) == (processor, executed_by, emulated)
