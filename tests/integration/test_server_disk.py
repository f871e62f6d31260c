"""The disk of the laboratory's server: the root, what a container changed on it, and files of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from laboratory import PROJECT, needs_root

pytestmark = needs_root

SCRIPT = PROJECT / "roles/local_lab/files/make-disk.sh"


def files(folder: Path, **contents: str) -> Path:
    for name, text in contents.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def make_disk(folder: Path, *prepared: Path, network: str = "plain") -> Path:
    root = files(folder / "root", etc__debian="12", etc__old="root's", var__lib__docker__README="")
    disk = folder / "disk.raw"
    arguments = [str(root), str(disk), "1", "server", "10.0.0.2/24", "10.0.0.1", network, *map(str, prepared)]
    subprocess.run(["sh", SCRIPT, *arguments], check=True, timeout=60)
    assert sorted(path.name for path in folder.iterdir() if "disk" in path.name) == ["disk.raw"]
    return disk


def content(disk: Path, path: str) -> str | None:
    """Text of a file in the ext4 image, None where there is none."""
    done = subprocess.run(["debugfs", "-R", f"cat {path}", disk], capture_output=True, text=True, check=True)
    return None if "File not found" in done.stderr else done.stdout


@pytest.mark.parametrize("network", ["plain", "bridged"])
def test_disk_holds_the_root_and_the_servers_own_files(tmp_path: Path, network: str) -> None:
    disk = make_disk(tmp_path, network=network)
    assert content(disk, "/etc/debian") == "12" and content(disk, "/etc/hostname") == "server\n"
    card = "br0" if network == "bridged" else "eth0"
    assert "Address=10.0.0.2/24" in (content(disk, f"/etc/systemd/network/20-{card}.network") or "")


def test_disk_holds_what_was_prepared_in_a_container(tmp_path: Path) -> None:
    prepared = files(
        tmp_path / "prepared",
        upper__etc__docker__daemon="settings",
        upper__etc__old="container's",
        upper__etc__hostname="container",
        docker__image__repositories="images",
    )
    (prepared / "upper/var/lib/docker").mkdir(parents=True)
    disk = make_disk(tmp_path, prepared)
    assert content(disk, "/etc/debian") == "12"
    assert content(disk, "/etc/docker/daemon") == "settings"
    assert content(disk, "/etc/old") == "container's"
    assert content(disk, "/var/lib/docker/image/repositories") == "images"
    # The server's own files replace those of the container.
    assert content(disk, "/etc/hostname") == "server\n"


def test_file_that_the_container_removed_is_not_on_the_disk(tmp_path: Path) -> None:
    prepared = files(tmp_path / "prepared", upper__etc__new="1", docker__x="")
    (prepared / "upper/var/lib/docker").mkdir(parents=True)
    # An overlay marks it by a character device 0/0 (Linux, Documentation/filesystems/overlayfs.rst).
    subprocess.run(["mknod", prepared / "upper/etc/old", "c", "0", "0"], check=True)
    disk = make_disk(tmp_path, prepared)
    assert content(disk, "/etc/old") is None and content(disk, "/etc/new") == "1"
