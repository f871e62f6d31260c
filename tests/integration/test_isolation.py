"""Other programs and other checkouts on this machine: not counted, not named alike, not touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.lab import network as lab_network
from laboratory import PROJECT, environment, needs_root, processes

from filter_plugins import project_root as project

COPIED = ("ansible.cfg", "filter_plugins", "inventories", "lab", "contracts")


def _process(proc: Path, pid: int, root: Path, *words: str) -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes("\0".join(words).encode() + b"\0")
    (folder / "root").symlink_to(root)


def test_processes_of_others_are_not_counted(tmp_path: Path) -> None:
    proc, lab = tmp_path / "proc", tmp_path / "checkout/.lab"
    _process(proc, 1, Path("/"), "/usr/bin/qemu-system-x86_64", "-kernel", f"{lab}/root/boot/vmlinuz")
    _process(proc, 2, Path("/"), "sh", "-c", f"exec systemd-nspawn --directory={lab}/machines/client/root")
    _process(proc, 3, Path("/"), "systemd-nspawn", f"--directory={lab}/machines/client/root")
    _process(proc, 4, Path("/"), "qemu-system-x86_64", "-drive", "file=/srv/other.raw")
    _process(proc, 5, Path("/"), "qemu-system-x86_64", "-drive", f"file={tmp_path}/checkout2/.lab/disk.raw")
    _process(proc, 6, Path("/"), "tail", "-F", f"{lab}/machines/qemu-system-x86_64.log")
    _process(proc, 7, tmp_path, "qemu-system-x86_64", "-drive", f"file={lab}/disk.raw")  # in a container
    (proc / "8").mkdir()  # ended while it was read
    found = sorted(processes(proc, lab))
    assert len(found) == 2 and "-kernel" in found[0] and found[1].startswith("systemd-nspawn"), found


def _variables(checkout: Path, host: str) -> dict[str, str]:
    done = subprocess.run(
        ["ansible-inventory", "-i", str(checkout / "inventories/xapi_double"), "--host", host],
        cwd=checkout,
        env=environment() | {"ANSIBLE_CONFIG": str(checkout / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = yaml.safe_load(done.stdout)
    return found


def test_two_checkouts_share_no_name(tmp_path: Path) -> None:
    """Namespaces, ssh connections and machines have names that start with that of the laboratory."""
    other = tmp_path / "a checkout"
    other.mkdir()
    for name in COPIED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, other / name, symlinks=True)
        else:
            shutil.copy(PROJECT / name, other / name)
    for checkout in (PROJECT, other):
        found = _variables(checkout, "client")
        assert "{{ __lab_name }}-switch" in found["ansible_ssh_common_args"]
        assert found["ansible_control_path"] == "%(directory)s/{{ __lab_name }}-%%h-%%p"
        assert "checkout_name" in found["__lab_name"]
    names = {_name_of(checkout) for checkout in (PROJECT, other)}
    assert len(names) == 2 and project.checkout_name("unilab") in names
    defaults = yaml.safe_load((PROJECT / "roles/local_lab/defaults/main.yml").read_text())
    assert defaults["local_lab_name"] == "{{ 'unilab' | checkout_name }}"


def _name_of(checkout: Path) -> str:
    done = subprocess.run(
        [
            *("ansible", "-i", "localhost,", "-c", "local", "localhost"),
            *("-m", "debug", "-a", "msg={{ 'unilab' | checkout_name }}"),
        ],
        cwd=checkout,
        env=environment() | {"ANSIBLE_CONFIG": str(checkout / "ansible.cfg")},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.partition('"msg": "')[2].partition('"')[0]


@pytest.fixture
def lab() -> Iterator[str]:
    name = f"uowner{os.getpid()}"
    yield name
    lab_network.absent(name)


@needs_root
def test_network_of_another_laboratory_is_refused_and_kept(lab: str) -> None:
    assert lab_network.present(lab, "10.77.9.1/24", [], "/srv/one/.lab")
    assert not lab_network.present(lab, "10.77.9.1/24", [], "/srv/one/.lab")
    for refused in (
        lambda: lab_network.present(lab, "10.77.9.1/24", [], "/srv/two/.lab"),
        lambda: lab_network.absent(lab, "/srv/two/.lab"),
    ):
        with pytest.raises(LabError, match=r"belong to the laboratory in /srv/one/\.lab\. Remedy: "):
            refused()
    assert lab_network.missing(lab, []) == []
    assert lab_network.absent(lab, "/srv/one/.lab") and lab_network.missing(lab, [])


@needs_root
def test_owner_with_a_long_path_is_recognised(lab: str) -> None:
    owner = "/srv/" + "x" * 300
    lab_network.present(lab, "10.77.9.1/24", [], owner)
    assert not lab_network.present(lab, "10.77.9.1/24", [], owner)
    with pytest.raises(LabError):
        lab_network.require_owner(lab, owner + "y")


def test_ssh_connections_are_in_a_private_folder(tmp_path: Path) -> None:
    assert project._control_path_problem(tmp_path / "new") == ""
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "new").chmod(0o777)
    problem = project._control_path_problem(tmp_path / "new")
    assert "control_path_dir" in problem and "mode 0777" in problem and "Remedy: " in problem
    if os.geteuid() == 0:
        (tmp_path / "new").chmod(0o700)
        os.chown(tmp_path / "new", 65534, 65534)
        assert "belongs to user 65534" in project._control_path_problem(tmp_path / "new")


def test_no_predictable_folder_in_tmp_is_used() -> None:
    assert "/tmp" not in str(project._control_path_dir())
    assert "/tmp/unilab-ssh" not in (PROJECT / "ansible.cfg").read_text()
