"""The backend for Xen's xl, against a script that answers like the xl of Xen 4.17."""

from __future__ import annotations

import ast
import uuid
from pathlib import Path

import pytest
import xenservers  # noqa: F401  makes the double importable

from tests.doubles.xapi.backends import MIB, Disk, Hardware, Vif
from tests.doubles.xapi.xl_backend import Xl

VM = str(uuid.UUID(int=7))
OTHER = str(uuid.UUID(int=8))
FAKE = """\
#!/bin/sh
cd {folder}
case "$1 $2" in
"create -q") [ -e refuse ] && {{ echo "libxl: error: no memory" >&2; exit 1; }}
    cp "$3" created; echo 3 >domid ;;
"destroy {vm}") rm domid ;;
"domid {vm}") cat domid 2>/dev/null || exit 1 ;;
"list {vm}") printf 'Name   ID   Mem VCPUs\\tState\\tTime(s)\\n{vm}   3   191     1     r-----    52.8\\n' ;;
"info xen_scheduler") cat scheduler ;;
"sched-credit2 -d") printf 'Name   ID Weight  Cap\\n{vm}   3    512   50\\n' ;;
"vcpu-list {vm}") printf 'Name   ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)\\n'
    printf '{vm}   3     0    1   ---      46.7  %s / all\\n' "$(cat affinity)" ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "xl").write_text(FAKE.format(folder=folder, vm=VM))
    (folder / "xl").chmod(0o755)
    (folder / "scheduler").write_text("credit2\n")
    (folder / "affinity").write_text("all")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def start(backend: Xl, **params: str) -> None:
    hardware = Hardware(
        disks=(Disk(Path("/srv/a.raw"), "0", True), Disk(Path("/srv/b.raw"), "1", False)),
        vifs=(Vif("02:00:00:00:00:02", "xenbr0", "0"),),
        memory_bytes=192 * MIB,
        vcpus=1,
        params=params,
    )
    backend.start(VM, hardware)


def test_xl_configuration(fake: Path, tmp_path: Path) -> None:
    start(Xl(tmp_path / "domains", 'hdtype = "ahci"\n'), weight="512", cap="50", mask="0,1")
    lines = (line.split(" = ", 1) for line in (fake / "created").read_text().splitlines())
    given = {key: ast.literal_eval(value) for key, value in lines}
    assert (given["name"], given["type"], given["memory"], given["vcpus"]) == (VM, "hvm", 192, 1)
    assert (given["cpu_weight"], given["cap"], given["cpus"], given["hdtype"]) == (512, 50, "0,1", "ahci")
    assert given["disk"] == [
        "format=raw,backendtype=qdisk,vdev=xvda,access=rw,target=/srv/a.raw",
        "format=raw,backendtype=qdisk,vdev=xvdb,access=ro,target=/srv/b.raw",
    ]
    assert given["vif"] == ["type=vif,mac=02:00:00:00:00:02,bridge=xenbr0"]


def test_output_of_xl_is_read(fake: Path, tmp_path: Path) -> None:
    backend = Xl(tmp_path / "domains")
    start(backend)
    assert backend.is_running(VM) and not backend.is_running(OTHER)
    assert backend.memory_bytes(VM) == 191 * MIB
    assert backend.scheduler(VM) == {"weight": "512", "cap": "50"}
    (fake / "affinity").write_text("0-1")
    assert backend.scheduler(VM) == {"weight": "512", "cap": "50", "mask": "0-1"}


def test_ended_domain_leaves_only_its_console(fake: Path, tmp_path: Path) -> None:
    backend = Xl(tmp_path / "domains")
    start(backend)
    backend.console(VM).write_text("said\n")
    backend.stop(VM)
    assert not backend.is_running(VM)
    assert [path.name for path in (tmp_path / "domains").iterdir()] == ["last-console.log"]
    backend.stop(VM)


def test_failures_contain_the_output_of_xl(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Xl(tmp_path / "domains")
    (fake / "refuse").touch()
    with pytest.raises(RuntimeError, match="xl create failed: libxl: error: no memory"):
        start(backend)
    (fake / "scheduler").write_text("rtds\n")
    with pytest.raises(RuntimeError, match="scheduler rtds has no caps"):
        backend.scheduler(VM)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="xl is not installed here"):
        backend.is_running(VM)
