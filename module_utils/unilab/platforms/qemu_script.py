"""A guest of QEMU by prepared shell scripts, for a host on which Python would take seconds.

They do what ``qemu.start`` and ``qemu.destroy`` do in Python, with the same command line and the same state
directory, so that a guest started by one is read and ended by the other.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ansible.module_utils.unilab.platforms import qemu

# Prints a line as soon as the guest is about to start. In a shell without job control a process in the
# background leads no group, so setsid(1) executes QEMU in place, under the pid that the shell knows.
_START = r"""
cd /
echo started
setsid {command} < /dev/null > {log} 2>&1 &
pid=$!
read -r stat < "/proc/$pid/stat"
set -- ${{stat##*) }}
echo "$pid ${{20}}" > {pid_file}
{bind}
"""
_PREPARE = r"""
set -e
command -v {program} > /dev/null || {{ echo "{program} is not installed. {install}" >&2; exit 1; }}
for file in {files}; do
  [ -f "$file" ] || {{ echo "$file does not exist. Remedy: run the image roles again." >&2; exit 1; }}
done
mkdir -p {directory}
[ ! -e {qmp} ] || rm -f {qmp}
ip tuntap add dev {tap} mode tap 2> /dev/null || ip link show dev {tap} > /dev/null
ip link set {tap} master {bridge} up
"""
# Ends the remembered process and no other (see processes: pid and start time).
_END = r"""
found=
[ ! -e {directory} ] || found=1
lives() {{
  read -r stat 2> /dev/null < "/proc/$pid/stat" || return 1
  set -- ${{stat##*) }}
  [ "$1" != Z ] && [ "${{20}}" = "$ticks" ]
}}
if [ -n "$found" ] && read -r pid ticks < {pid_file} 2> /dev/null; then
  for signal in TERM KILL; do
    n=0
    lives && kill -s "$signal" "$pid"
    while lives && [ "$n" -lt 50 ]; do n=$((n + 1)); sleep 0.1; done
  done
  ! lives || {{ echo "the guest's process $pid does not end" >&2; exit 1; }}
fi
if [ -n "$found" ]; then
  ! ip link show dev {tap} > /dev/null 2>&1 || ip link delete {tap}
  rm -rf {directory} {qmp}
fi
echo "$found"
"""


def prepare(guest: qemu.Guest, boot: qemu.Boot) -> str:
    """What the start needs: files that are there, the state directory, the tap device in its bridge."""
    files = [str(path) for path in (boot.kernel, boot.initrd, boot.disk) if path is not None]
    return _PREPARE.format(
        program=qemu.PROGRAM,
        install="Remedy: run the role qemu_host on this machine.",
        files=" ".join(map(shlex.quote, files)),
        bridge=shlex.quote(boot.bridge),
        **_names(guest),
    )


def start(guest: qemu.Guest, boot: qemu.Boot) -> str:
    """Start the guest; prints a line at once, and ends while the guest boots."""
    bind = ""
    if boot.cpus and boot.host_cpus:
        script = qemu.binding_script("$pid", boot.cpus, boot.host_cpus)
        bind = f"(\n{script}\n) > /dev/null 2>&1 < /dev/null &"
    return _START.format(command=shlex.join(qemu.command_of(guest, boot)), bind=bind, **_names(guest))


def end(guest: qemu.Guest) -> str:
    """End the guest and remove its state; prints 1 where there was anything."""
    return _END.format(**_names(guest))


def console(guest: qemu.Guest) -> str:
    """Print the guest's console."""
    return f"cat {shlex.quote(str(guest.log))} 2> /dev/null || :"


def _names(guest: qemu.Guest) -> dict[str, str]:
    paths: dict[str, Path] = {
        "directory": guest.directory,
        "pid_file": guest.pid_file,
        "log": guest.log,
        "qmp": guest.qmp_socket,
    }
    return {name: shlex.quote(str(path)) for name, path in paths.items()} | {"tap": shlex.quote(guest.tap)}
