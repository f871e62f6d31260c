"""A QEMU guest as a process that outlives the module: started, asked, paused, ended.

The guest's memory is a memory-backend-memfd, so that the pages it has really touched can be read
from outside (see footprint); QEMU's own resident set hardly depends on the guest.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.counting.plugin import Counting
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.images import qcow2
from ansible.module_utils.unilab.lab import network as lab_network
from ansible.module_utils.unilab.platforms import processes, qmp
from ansible.module_utils.unilab.platforms.base import Host, LocalHost
from ansible.module_utils.unilab.units import MIB

PROGRAM = "qemu-system-x86_64"

# A disk that keeps its writes can be made again, so its flushes need not reach ours: Docker flushes a lot.
_DISK_ACCESS = {
    "refused": "readonly=on",
    "kept": "readonly=off,cache=unsafe",
    "discarded": "snapshot=on",
}


@dataclass(frozen=True)
class Guest:
    """A guest by its name and the place of its state: pid, QMP socket, console log.

    ``namespace`` is the network namespace of the QEMU process, None for the caller's own.
    """

    name: str
    directory: Path
    namespace: str | None = None

    @property
    def pid_file(self) -> Path:
        """Where QEMU's pid is remembered."""
        return self.directory / "pid"

    @property
    def qmp_socket(self) -> Path:
        """QEMU's control socket, by a path short enough for a socket (108 bytes, unix(7))."""
        key = hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]
        return Path(f"/run/unilab-{key}.qmp")

    @property
    def log(self) -> Path:
        """The guest's serial console."""
        return self.directory / "console.log"

    @property
    def counts(self) -> Path:
        """Where the plugin that counts the guest's instructions writes."""
        return self.directory / "counts.bin"

    @property
    def tap(self) -> str:
        """Its network card's end on the host; 15 bytes at most (IFNAMSIZ)."""
        return "tap" + hashlib.sha256(self.name.encode()).hexdigest()[:10]

    @property
    def mac(self) -> str:
        """A locally administered address that depends on the name alone."""
        digits = hashlib.sha256(self.name.encode()).hexdigest()
        return "52:54:00:" + ":".join(digits[i : i + 2] for i in (0, 2, 4))


@dataclass(frozen=True)
class Boot:
    """What a guest boots, on which virtual hardware.

    Attributes:
        accelerator: kvm or tcg.
        kernel: booted directly with ``initrd`` and ``command_line``; None boots from ``disk``.
        disk: image of the first virtio disk, in ``disk_format`` (raw, qcow2 or vpc).
        disk_writes: refused, kept in the image, or discarded with the guest.
        machine: QEMU's board, q35 or pc.
        counting: the plugin that counts instructions; it works under TCG only.
        bridge: the bridge that its network card joins.
        cpus: CPU list that every thread of QEMU is bound to, "" for all.
        host_cpus: CPU list of the threads that are no virtual CPUs, "" binds them to ``cpus`` too.
        cpu_features: added to the CPU model in QEMU's syntax, for example ``+svm,+npt``.
        vhost: the host's kernel moves the packets of the network card (vhost-net), and not QEMU.
    """

    accelerator: str
    vcpus: int
    memory_mib: int
    kernel: Path | None
    initrd: Path | None
    command_line: str
    disk: Path | None
    disk_writes: str
    bridge: str
    cpus: str = ""
    host_cpus: str = ""
    disk_format: str = "raw"
    machine: str = "q35"
    cpu_features: str = ""
    vhost: bool = False
    counting: Counting | None = None


def running(guest: Guest) -> int | None:
    """The pid of the guest's QEMU while it lives."""
    return processes.running_pid(guest.pid_file)


def start(guest: Guest, boot: Boot) -> int:
    """Boot the guest and return QEMU's pid at once. Raises LabError when a file is missing."""
    if shutil.which(PROGRAM) is None:
        raise LabError(f"{PROGRAM} is not installed. Remedy: run the role qemu_host on this machine.")
    for path in (boot.kernel, boot.initrd, boot.disk):
        if path is not None and not path.is_file():
            raise LabError(f"{path} does not exist. Remedy: run the image roles again.")
    if boot.disk and boot.disk_format == "qcow2" and (foreign := qcow2.problem(boot.disk)):
        raise LabError(f"{boot.disk}: key disk: {foreign[0]}. Remedy: {foreign[1]}.")
    guest.directory.mkdir(parents=True, exist_ok=True)
    guest.qmp_socket.unlink(missing_ok=True)
    lab_network.tap(guest.namespace, guest.tap, boot.bridge)
    pid = processes.start(command_of(guest, boot), guest.log, guest.pid_file)
    if boot.cpus and boot.host_cpus:
        LocalHost().shell(binding_script(pid, boot.cpus, boot.host_cpus))
    return pid


# QEMU names the threads of virtual CPUs "CPU 0/KVM" (qemu_thread_create in accel/*). The host's part of
# vhost-net is a kernel thread, or from Linux 6.4 on one of QEMU's, called vhost-PID.
_BINDING = r"""
n=0
while kill -0 {pid} 2> /dev/null && [ "$n" -lt {tries} ]; do
  bound=
  for task in /proc/{pid}/task/*; do
    read -r name < "$task/comm" || continue
    case $name in "CPU "*) taskset --cpu-list --pid {cpus} "${{task##*/}}" > /dev/null && bound=1 ;; esac
  done
  [ -z "$bound" ] || break
  n=$((n + 1)); sleep 0.1
done
for thread in $(pgrep -x vhost-{pid}); do taskset --cpu-list --pid {host_cpus} "$thread" > /dev/null; done
:
"""
_BINDING_TRIES = 100


def binding_script(pid: int | str, cpus: str, host_cpus: str) -> str:
    """A shell script that binds the virtual CPUs of the QEMU ``pid`` to ``cpus``, vhost-net to ``host_cpus``.

    ``pid`` is a number, or a variable of the shell such as ``$pid``.
    It waits for the virtual CPUs to appear, at most ten seconds.
    """
    words = {"cpus": shlex.quote(cpus), "host_cpus": shlex.quote(host_cpus)}
    return _BINDING.format(pid=pid, tries=_BINDING_TRIES, **words)


def stop(guest: Guest, patience_s: float = 0) -> bool:
    """End the guest; with patience, ask it to power off first. True when it ran."""
    if patience_s and running(guest):
        qmp.execute(guest.qmp_socket, "cont")
        qmp.execute(guest.qmp_socket, "system_powerdown")
        processes.wait_gone(guest.pid_file, patience_s)
    ended = processes.end(guest.pid_file, signal.SIGTERM, patience_s=5)
    lab_network.remove_tap(guest.namespace, guest.tap)
    guest.qmp_socket.unlink(missing_ok=True)
    return ended


def destroy(guest: Guest) -> bool:
    """End the guest and remove its state. True when there was anything."""
    existed = guest.directory.exists()
    stop(guest)
    shutil.rmtree(guest.directory, ignore_errors=True)
    return existed


def paused(guest: Guest) -> bool:
    """Whether the guest's virtual CPUs are halted by us."""
    return bool(qmp.execute(guest.qmp_socket, "query-status")["status"] == "paused")


def set_paused(guest: Guest, wanted: bool) -> bool:
    """Halt or continue the guest's virtual CPUs. True when that was a change."""
    if paused(guest) == wanted:
        return False
    qmp.execute(guest.qmp_socket, "stop" if wanted else "cont")
    return True


def describe(guest: Guest, host: Host | None = None) -> dict[str, Any]:
    """What QEMU, on ``host`` or this machine, reports of the guest: vCPUs and memory in bytes."""
    memory = qmp.execute(guest.qmp_socket, "query-memory-size-summary", host=host)
    return {
        "vcpus": len(qmp.execute(guest.qmp_socket, "query-cpus-fast", host=host)),
        "memory_bytes": int(memory["base-memory"]),
    }


def has_hardware(guest: Guest, vcpus: int, memory_mib: int) -> bool:
    """Whether the running guest has these vCPUs and this memory."""
    return describe(guest) == {"vcpus": vcpus, "memory_bytes": memory_mib * MIB}


def version() -> str:
    """QEMU's version line."""
    return run([PROGRAM, "--version"]).splitlines()[0]


def console_tail(guest: Guest, lines: int = 20) -> str:
    """The last lines of the guest's console, for messages."""
    try:
        text = guest.log.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def command_of(guest: Guest, boot: Boot) -> list[str]:
    """The command that runs the guest."""
    size = f"{boot.memory_mib}M"
    command = [
        PROGRAM,
        # Threads with names: those of virtual CPUs are bound, and read, apart.
        *("-name", f"{guest.name},debug-threads=on"),
        *("-accel", boot.accelerator),
        # The same for every guest of the laboratory. Under TCG the plain one: libc takes wide vector
        # instructions where it finds them, and those are slow to emulate (Python starts half as fast
        # on `max`).
        *("-cpu", _cpu_model(boot)),
        *("-smp", str(boot.vcpus)),
        *("-m", size),
        *("-object", f"memory-backend-memfd,id=ram,size={size},share=on"),
        *("-machine", f"{boot.machine},memory-backend=ram"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-serial", "stdio"),
        *("-qmp", f"unix:{guest.qmp_socket},server=on,wait=off"),
        *("-netdev", f"tap,id=net,ifname={guest.tap},script=no,downscript=no" + ",vhost=on" * boot.vhost),
        *("-device", f"virtio-net-pci,netdev=net,mac={guest.mac}"),
        *("-device", "virtio-rng-pci"),
    ]
    if boot.kernel:
        command += ["-kernel", str(boot.kernel), "-append", boot.command_line]
    if boot.initrd:
        command += ["-initrd", str(boot.initrd)]
    if boot.disk:
        access = _DISK_ACCESS[boot.disk_writes]
        command += ["-drive", f"file={_disk_file(boot.disk, boot.disk_format)},if=virtio,{access}"]
    if boot.counting and boot.accelerator == "tcg":
        command += ["-plugin", boot.counting.argument(guest.counts)]
    if boot.cpus:
        # Threads are bound as the one that starts them: virtual CPUs are moved afterwards.
        command = ["taskset", "--cpu-list", boot.host_cpus or boot.cpus, *command]
    if guest.namespace:
        command = ["nsenter", f"--net=/run/netns/{guest.namespace}", *command]
    return command


def _disk_file(disk: Path, disk_format: str) -> str:
    """The file of a disk as QEMU opens it: of this format, with no other file beside it.

    In QEMU's JSON form, which can state that there is no backing file, whatever the image's header says.
    """
    options: dict[str, Any] = {"driver": disk_format, "file": {"driver": "file", "filename": str(disk)}}
    if disk_format == "qcow2":
        options["backing"] = None
    # In an option, a comma is written twice.
    return f"json:{json.dumps(options)}".replace(",", ",,")


def _cpu_model(boot: Boot) -> str:
    model = "host" if boot.accelerator == "kvm" else "qemu64"
    return f"{model},{boot.cpu_features}" if boot.cpu_features else model
