"""The services and their variants on a real OSv under emulation, each booted from its own staged tree.

QEMU's own network stack joins the guest to a port of 127.0.0.1, and to nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible.module_utils.unilab.staging import Staged, build, stage
from laboratory import PLAYBOOK, PROJECT, environment
from wire_contract import (
    SERVICES,
    Address,
    check_head,
    check_identity,
    check_refused_body,
    check_responses,
    free_port,
    wait_for_answer,
)

from contracts.arms import SERVICES as SERVICE_NAMES
from contracts.arms import split_service
from contracts.manifest import load_manifest
from filter_plugins.command_line import osv_command_line
from filter_plugins.manifests import service_manifest

QEMU = "qemu-system-x86_64"
LOADER = os.environ.get("UNILAB_OSV_LOADER", "")
ENTRY = {"todos": "/todos", "bubble_sort": "/sort"}
ARRAY_LENGTH = 50
MEMORY_MIB = 192
# Under emulation on a busy machine the JVM takes a minute.
PATIENCE_S = 240

pytestmark = [
    pytest.mark.skipif(not LOADER, reason="UNILAB_OSV_LOADER names no OSv kernel"),
    pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"no {QEMU}"),
]


@pytest.fixture(scope="module", params=SERVICE_NAMES)
def disk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Staged, Path]:
    """(service, staged tree, disk), the disk made by the module that users have."""
    folder = tmp_path_factory.mktemp(request.param)
    manifest = load_manifest(SERVICES / service_manifest(request.param))
    build(manifest)
    staged = stage(manifest, folder / "tree", write=True)
    arguments = f"tree={staged.tree} loader={LOADER} path={folder / 'disk'}"
    ansible = str(Path(PLAYBOOK).with_name("ansible"))
    command = [
        ansible,
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
    ]
    command += ["localhost", "-m", "capstan_image", "-a", arguments]
    subprocess.run(command, cwd=PROJECT, env=environment(), check=True)
    return request.param, staged, folder / "disk"


@contextmanager
def _booted(staged: Staged, disk: Path, vcpus: int, **given: str) -> Iterator[Address]:
    address = Address("127.0.0.1", free_port())
    command = staged.manifest.cmdline + staged.manifest.osv_cmdline_suffix
    line = osv_command_line(command, {**staged.manifest.env, **given}, "10.0.2.15/24", "10.0.2.2")
    forwarded = f"user,id=net,restrict=on,hostfwd=tcp:{address.host}:{address.port}-10.0.2.15:8080"
    guest = subprocess.Popen(
        [
            QEMU,
            *("-accel", "tcg", "-cpu", "qemu64", "-machine", "q35"),
            *("-smp", str(vcpus), "-m", f"{MEMORY_MIB}M"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-kernel", LOADER, "-append", line),
            *("-drive", f"file={disk},if=virtio,format=raw,readonly=on"),
            *("-netdev", forwarded, "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_answer(address, guest, PATIENCE_S)
        yield address
        assert guest.poll() is None, guest.communicate()
    finally:
        guest.kill()
        guest.communicate()


@pytest.mark.parametrize("vcpus", [1, 4])
def test_wire_contract_on_osv(disk: tuple[str, Staged, Path], vcpus: int) -> None:
    service, staged, path = disk
    workload, _ = split_service(service)
    given = {"UNILAB_THREADS": str(vcpus), "UNILAB_NONCE": "osv", "UNILAB_ARRAY_LENGTH": str(ARRAY_LENGTH)}
    with _booted(staged, path, vcpus, **given) as address:
        check_responses(address, workload, ARRAY_LENGTH)
        check_head(address, ENTRY[workload])
        check_refused_body(address, ENTRY[workload])
        check_identity(address, service, "osv", staged.artifact_sha256, vcpus)
