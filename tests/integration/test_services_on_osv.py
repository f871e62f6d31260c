"""The services and their variants on a real OSv under emulation, each booted from its own staged tree.

UNILAB_OSV_LOADER names OSv's kernel, which QEMU boots directly, or its loader image: then the disk boots by
itself. UNILAB_OSV_BOOTS says how often each is booted; once where it is not set. The guests live in a network
namespace of their own.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.osv.command_line import set_command_line
from ansible.module_utils.unilab.images.osv.loader import loader_kind
from ansible.module_utils.unilab.lab import network as lab_network
from ansible.module_utils.unilab.lab.namespaces import Worker
from ansible.module_utils.unilab.platforms import first_answer, qemu
from ansible.module_utils.unilab.staging import Staged, build, stage
from laboratory import PLAYBOOK, PROJECT, environment, needs_root
from wire_contract import SERVICES, Address, check_head, check_identity, check_refused_body, check_responses

from contracts.manifest import load_manifest
from contracts.workload import SERVICES as SERVICE_NAMES
from contracts.workload import split_service
from filter_plugins.command_lines.command_line import osv_command_line
from filter_plugins.project.manifests import service_manifest

LOADER = os.environ.get("UNILAB_OSV_LOADER", "")
BOOTS = int(os.environ.get("UNILAB_OSV_BOOTS", "1"))
# A name for this run alone: others may run the same test.
LAB = f"uboots{os.getpid()}"
GATEWAY, GUEST = "10.77.2.1", Address("10.77.2.100", 8080)
ENTRY = {"todos": "/todos", "bubble_sort": "/sort"}
ARRAY_LENGTH = 50
MEMORY_MIB = 192
# Under emulation on a busy machine the JVM takes a minute.
PATIENCE_S = 240

pytestmark = [
    needs_root,
    pytest.mark.skipif(not LOADER, reason="UNILAB_OSV_LOADER names no OSv loader"),
    pytest.mark.skipif(shutil.which(qemu.PROGRAM) is None, reason=f"no {qemu.PROGRAM}"),
]


@dataclass(frozen=True)
class Packed:
    """A service's tree and its disk, which boots by itself or beside a kernel."""

    service: str
    staged: Staged
    disk: Path
    boots_itself: bool


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    lab_network.present(LAB, f"{GATEWAY}/24", [])
    yield lab_network.namespace_of(LAB, "switch")
    lab_network.absent(LAB)


@pytest.fixture(scope="module", params=SERVICE_NAMES)
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The disk is made by the module that users have."""
    folder = tmp_path_factory.mktemp(request.param)
    manifest = load_manifest(SERVICES / service_manifest(request.param))
    build(manifest)
    staged = stage(manifest, folder / "tree", write=True)
    ansible = [str(Path(PLAYBOOK).with_name("ansible")), "-i", "localhost,", "-c", "local"]
    arguments = f"tree={staged.tree} loader={LOADER} path={folder / 'disk'}"
    subprocess.run(
        [
            *ansible,
            *("-e", f"ansible_python_interpreter={sys.executable}"),
            *("localhost", "-m", "capstan_image", "-a", arguments),
        ],
        cwd=PROJECT,
        env=environment(),
        check=True,
    )
    return Packed(request.param, staged, folder / "disk", loader_kind(Path(LOADER)) != "kernel")


@pytest.mark.parametrize("vcpus", [1, 4])
def test_every_boot_keeps_the_wire_contract(
    packed: Packed, vcpus: int, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boots_ms: list[float] = []
    failures: list[str] = []
    for number in range(1, BOOTS + 1):
        guest = qemu.Guest(LAB, tmp_path / "guest", namespace)
        try:
            boots_ms.append(_boot(packed, vcpus, f"boot-{number}", guest))
        except (AssertionError, OSError, HTTPException, first_answer.NoAnswer) as error:
            failures.append(f"boot {number}: {error}\n{qemu.console_tail(guest)}")
        finally:
            qemu.destroy(guest)
    with capsys.disabled():
        print(
            f"\n{packed.service}, {vcpus} vCPU, {'from disk' if packed.boots_itself else '-kernel'}: "
            f"{len(boots_ms)} of {BOOTS} boots, {_spread(boots_ms)}"
        )
    assert not failures, "\n".join(failures)


def _boot(packed: Packed, vcpus: int, nonce: str, guest: qemu.Guest) -> float:
    """Boot once and check the whole contract; return the time to the first right answer in milliseconds."""
    workload, _ = split_service(packed.service)
    manifest = packed.staged.manifest
    given = {"UNILAB_THREADS": vcpus, "UNILAB_NONCE": nonce, "UNILAB_ARRAY_LENGTH": ARRAY_LENGTH}
    command = manifest.cmdline + manifest.osv_cmdline_suffix
    line = osv_command_line(command, {**manifest.env, **given}, f"{GUEST.host}/24", GATEWAY)
    if packed.boots_itself:
        set_command_line(packed.disk, line)
    boot = qemu.Boot(
        accelerator="tcg",
        vcpus=vcpus,
        memory_mib=MEMORY_MIB,
        kernel=None if packed.boots_itself else Path(LOADER),
        initrd=None,
        command_line=line,
        disk=packed.disk,
        disk_writes="refused",
        bridge=lab_network.BRIDGE,
    )

    def check() -> float:
        answer = first_answer.wait(
            GUEST.host, GUEST.port, nonce, PATIENCE_S, lambda: qemu.running(guest) is not None
        )
        check_responses(GUEST, workload, ARRAY_LENGTH)
        check_head(GUEST, ENTRY[workload])
        check_refused_body(GUEST, ENTRY[workload])
        check_identity(GUEST, packed.service, nonce, packed.staged.artifact_sha256, vcpus)
        return answer.at_s

    began_s = time.monotonic()
    qemu.start(guest, boot)
    checking = Worker(guest.namespace, check)
    checking.start()
    return (float(checking.result()) - began_s) * 1000


def _spread(boots_ms: list[float]) -> str:
    if not boots_ms:
        return "no answer"
    return (
        f"first right answer after {statistics.median(boots_ms):.0f} ms "
        f"({min(boots_ms):.0f} to {max(boots_ms):.0f})"
    )
