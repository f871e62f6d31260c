"""The service as a process of its host, without a container: a control for what a container costs.

The process has the same tree as every other arm, as the read-only root that chroot(2) gives it, and its caps
by a transient unit of systemd in a control group of its own (systemd.resource-control(5), cgroup v2).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import cgroup
from ansible.module_utils.unilab.platforms.base import Cap, GivenOutput, Host, Instance, Memory
from ansible.module_utils.unilab.units import MIB

MEMORY_KINDS = ("cgroup", "anonymous", "cgroup_peak")

# The file systems that a container and a Linux guest find too; the tree has their folders.
_PREPARE = r"""
set -e
[ -f {image} ] || {{ echo "{image} does not exist. Remedy: run the image roles again." >&2; exit 1; }}
[ -e /sys/fs/cgroup/cgroup.controllers ] || {{
  echo "this host has no unified control groups (cgroup v2). Remedy: boot it with them." >&2; exit 1
}}
mkdir -p {root}
mount -t squashfs -o loop,ro {image} {root}
mount -t proc proc {root}/proc
mount -t sysfs -o ro sysfs {root}/sys
mount --bind /dev {root}/dev
mount -t tmpfs tmpfs {root}/tmp
"""
_START = r"""
echo started
exec systemd-run --quiet --no-block --collect --unit={unit} {properties} \
  {environment} /usr/sbin/chroot {root} {command}
"""
_END = r"""
found=
group=/sys/fs/cgroup/system.slice/{unit}
n=0
# systemd removes the group once it is empty.
while [ -e "$group" ]; do
  found=1
  while read -r pid; do kill -s KILL "$pid"; done < "$group/cgroup.procs"
  n=$((n + 1))
  [ "$n" -lt 100 ] || break
  sleep 0.1
done 2> /dev/null
[ "$n" -lt 100 ] || {{ echo {unit} does not end >&2; exit 1; }}
if [ -e {directory} ]; then
  found=1
  while umount --recursive {root} 2> /dev/null; do :; done
  rm -rf --one-file-system {directory} || exit 1
fi
echo "$found"
"""
# The first process of the unit, and the files of its control group.
_READ = r"""
read -r pid < /sys/fs/cgroup/system.slice/{unit}/cgroup.procs || exit 0
"""
_RUNS = "[ ! -e /sys/fs/cgroup/system.slice/{unit} ] || echo runs"


@dataclass(frozen=True)
class NativeBoot:
    """What the process is made of.

    Attributes:
        image: the service's tree as a squashfs on the host, as the role linux_image makes it.
        command: absolute path and arguments.
        cpus: CPUs' worth of time.
        cpuset: CPU list that the process is bound to, "" for all.
    """

    image: Path
    command: str
    environment: Mapping[str, str]
    cpus: float
    memory_mib: int
    cpuset: str = ""


class NativePlatform:
    """Processes of systemd on the kernel of the host."""

    name = "native"
    needs: tuple[str, ...] = ("directory",)
    changes_caps = False

    def prepare(self, host: Host, instance: Instance, boot: NativeBoot) -> None:
        """Mount the tree and what belongs into it, in place of what an earlier instance left."""
        names = _names(instance)
        image = shlex.quote(str(boot.image))
        try:
            host.shell(_END.format(**names) + _PREPARE.format(image=image, **names))
        except LabError:
            self.stop(host, instance)
            raise

    def start(self, host: Host, instance: Instance, boot: NativeBoot) -> None:
        """Start the process, and return at once."""
        self.launch(host, instance, boot)

    def launch(self, host: Host, instance: Instance, boot: NativeBoot) -> float:
        """Start the process that was prepared, and return at once: when it began, by time.monotonic()."""
        return host.timed_shell(start_script(instance, boot))[1]

    def console(self, host: Host, instance: Instance) -> str:
        """What the process wrote."""
        return host.shell(f"cat {shlex.quote(str(_log(instance)))} 2> /dev/null || :")

    def stop(self, host: Host, instance: Instance) -> bool:
        """Kill the process with all that it started, and remove its mounts. True when there was anything."""
        return bool(host.shell(_END.format(**_names(instance))).strip())

    def runs(self, host: Host, instance: Instance) -> bool:
        """Whether the process runs."""
        return bool(host.shell(_RUNS.format(**_names(instance))).strip())

    def read_caps(self, host: Host, instance: Instance) -> list[Cap]:
        """Caps of the running process, from its control group."""
        return cgroup.caps(self._files(host, instance))

    def set_caps(self, host: Host, instance: Instance, cpus: float, memory_mib: int, cpuset: str) -> None:
        """Nothing can be changed. Raises LabError."""
        raise LabError("the caps of a native process are fixed at its start. Remedy: start it with others.")

    def read_memory(self, host: Host, instance: Instance) -> list[Memory]:
        """Memory of the running process's control group."""
        files = self._files(host, instance)
        readings = cgroup.memory_in_use(files, cgroup.group_of(files))
        return [
            Memory(kind, readings[kind].source, int(readings[kind].value))
            for kind in MEMORY_KINDS
            if kind in readings
        ]

    def _files(self, host: Host, instance: Instance) -> cgroup.Files:
        if isinstance(host, GivenOutput):
            return cgroup.parse(host.output)
        script = _READ.format(**_names(instance)) + cgroup.script("$pid")
        return cgroup.parse(host.shell(script))


def start_script(instance: Instance, boot: NativeBoot) -> str:
    """A shell script that starts the process; it prints a line at once."""
    memory_bytes = boot.memory_mib * MIB
    properties = [
        f"CPUQuota={boot.cpus * 100:g}%",
        "CPUQuotaPeriodSec=100ms",
        f"MemoryMax={memory_bytes}",
        # No swap beyond memory: a cap that swaps is none.
        "MemorySwapMax=0",
        "Slice=system.slice",
        f"StandardOutput=file:{_log(instance)}",
        f"StandardError=file:{_log(instance)}",
    ]
    if boot.cpuset:
        # Services may be bound to other CPUs by default (CPUAffinity in systemd-system.conf).
        properties += [f"AllowedCPUs={boot.cpuset}", f"CPUAffinity={boot.cpuset}"]
    environment = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in boot.environment.items())]
    return _START.format(
        properties=shlex.join([f"--property={each}" for each in properties]),
        environment=shlex.join(environment),
        command=shlex.join(boot.command.split()),
        **_names(instance),
    )


def _directory(instance: Instance) -> Path:
    if instance.directory is None:
        raise LabError("key directory: missing. Remedy: give the state directory of the process.")
    return instance.directory


def _log(instance: Instance) -> Path:
    return _directory(instance) / "console.log"


def _names(instance: Instance) -> dict[str, str]:
    directory = _directory(instance)
    return {
        "directory": shlex.quote(str(directory)),
        "root": shlex.quote(str(directory / "root")),
        "unit": shlex.quote(f"{instance.name}.service"),
    }
