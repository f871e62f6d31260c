"""Machines of the one-machine laboratory as systemd-nspawn containers.

Each boots the one Debian root under an overlay of its own. The overlay is mounted in a mount
namespace that lives as long as the container: nothing can be left mounted, however it ends.
Why each option is there is stated beside it; the list was found by trial on cgroup v1 and v2.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import processes


@dataclass(frozen=True)
class Machine:
    """One container.

    Attributes:
        name: its host name.
        namespace: the network namespace that it lives in; made before.
        root: the Debian root, never written to.
        directory: where its own state is: changes to the root, pid, console log.
        devices: device nodes of the host that it may use.
        cpus: CPU list that it is bound to, "" for all.
    """

    name: str
    namespace: str
    root: Path
    directory: Path
    devices: tuple[str, ...] = ()
    cpus: str = ""

    @property
    def pid_file(self) -> Path:
        """Where the pid of the running container is remembered."""
        return self.directory / "pid"

    @property
    def registered_name(self) -> str:
        """The container's name among all on this machine: a host name, without underscore (hostname(7))."""
        return re.sub(r"[^A-Za-z0-9-]", "-", self.namespace)[:64].strip("-")

    @property
    def log(self) -> Path:
        """The container's console."""
        return self.directory / "console.log"


def running(machine: Machine) -> bool:
    """Whether the container lives."""
    return processes.running_pid(machine.pid_file) is not None


def start(machine: Machine) -> None:
    """Boot the container and return at once. Raises LabError where the root is missing."""
    if not (machine.root / "usr/lib/systemd/systemd").exists():
        raise LabError(f"{machine.root} holds no Debian root. Remedy: run the role local_lab.")
    # Docker's overlay2 store cannot be on an overlay: it gets a plain directory.
    for name in ("upper", "work", "root", "docker"):
        (machine.directory / name).mkdir(parents=True, exist_ok=True)
    os.environ["SYSTEMD_NSPAWN_API_VFS_WRITABLE"] = "1"  # dockerd writes ip_forward
    processes.start(_command(machine), machine.log, machine.pid_file)


def stop(machine: Machine) -> bool:
    """Shut the container down, and kill it where it will not go. True when it ran."""
    return processes.end(machine.pid_file, signal.SIGTERM, patience_s=15)


def destroy(machine: Machine) -> bool:
    """Stop the container and remove all that it wrote. True when there was anything."""
    existed = machine.directory.exists()
    stop(machine)
    if existed:
        shutil.rmtree(machine.directory)
    return existed


def _command(machine: Machine) -> list[str]:
    directory = machine.directory
    layers = f"lowerdir={machine.root},upperdir={directory}/upper,workdir={directory}/work"
    nspawn = [
        "systemd-nspawn",
        "--quiet",
        f"--directory={directory}/root",
        # Other laboratories of this machine have the same host names.
        f"--machine={machine.registered_name}",
        f"--hostname={machine.name}",
        "--register=no",  # the host may run no systemd
        "--keep-unit",
        "--resolv-conf=off",
        "--boot",
        "--capability=all",
        "--system-call-filter=bpf keyctl add_key",  # what runc needs beyond the default
        "--console=read-only",
        f"--bind={directory}/docker:/var/lib/docker",
        *(f"--bind={device}" for device in machine.devices if Path(device).exists()),
    ]
    if machine.cpus:
        nspawn.insert(1, f"--cpu-affinity={machine.cpus}")
    mount_then_boot = f"mount -t overlay unilab -o {shlex.quote(layers)} {shlex.quote(str(directory))}/root"
    return [
        "nsenter",  # not --network-namespace-path: /sys would show the outer namespace
        f"--net=/run/netns/{machine.namespace}",
        "unshare",
        "--mount",
        "--propagation=private",
        "sh",
        "-c",
        f"{mount_then_boot} && exec {shlex.join(nspawn)}",
    ]
