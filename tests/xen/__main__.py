"""From an uploaded disk to a capped guest on Debian's Xen, with every step printed and timed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from filter_plugins.command_lines.command_line import linux_command_line
from tests.xen.journey import Failed, Images, Journey
from tests.xen.machine import EmulatorFault, Machine
from tests.xen.progress import say
from tests.xen.root import GUEST_WORDS, PROJECT, make_dom0, make_linux_disk, make_osv_disk

ATTEMPTS = 2
DOUBLE_PORT, GUEST_ADDRESS, GUEST_PORT = 4443, "10.79.0.2", 8080
# Sorted in about a second under two emulations.
NONCE, ARRAY_LENGTH = "nested-xen", 5000


def main() -> int:
    """Run it; 0 when all checks hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.xen")
    parser.add_argument("--folder", type=Path, default=PROJECT / ".cache/xen", help="disks and logs")
    parser.add_argument(
        "--osv-loader",
        type=Path,
        default=os.environ.get("UNILAB_OSV_LOADER_DISK") or None,
        help="an OSv loader image (loader.img): it is booted too, and its end is reported",
    )
    wanted = parser.parse_args()
    if problem := _problem(wanted.osv_loader):
        print(problem, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    images = _images(wanted.folder.resolve(), wanted.osv_loader)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _attempt(images, wanted.folder.resolve() / f"log-{attempt}")
        except EmulatorFault as fault:
            say(f"EMULATOR FAULT, attempt {attempt} of {ATTEMPTS}: {fault}")
            say("one retry, from a fresh boot of Xen" if attempt < ATTEMPTS else "no further retry")
        except Failed as failed:
            say(f"FAILED: {failed}")
            return 1
        else:
            say(f"PASSED at attempt {attempt} of {ATTEMPTS}")
            return 0
    return 1


def _problem(osv_loader: Path | None) -> str:
    if os.geteuid() != 0:
        return "mmdebstrap makes the dom0, which needs root here. Remedy: sudo make test-xen."
    programs = ("qemu-system-x86_64", "mmdebstrap", "mke2fs", "syslinux", "mformat", "mcopy", "ssh", "go")
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        return f"not installed here: {', '.join(missing)}. Remedy: sudo make test-xen installs them."
    if osv_loader and not osv_loader.is_file():
        return f"{osv_loader}: no such file. Remedy: give OSv's loader.img, or no --osv-loader."
    return ""


def _images(folder: Path, osv_loader: Path | None) -> Images:
    say("making the dom0 from Debian's packages (two minutes), unless there is one of this recipe")
    dom0, made = make_dom0(folder / "dom0")
    say(f"dom0's disk {'made' if made else 'existed'}: {dom0.kernel.name}")
    server = folder / "bubble_sort-go"
    subprocess.run(
        ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(server), "."],
        cwd=PROJECT / "services/bubble_sort/go",
        env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"},
        check=True,
    )
    linux = folder / "linux.raw"
    environment = {"UNILAB_NONCE": NONCE, "UNILAB_PORT": GUEST_PORT, "UNILAB_ARRAY_LENGTH": ARRAY_LENGTH}
    make_linux_disk(dom0, server, linux)
    say(f"a Linux guest's boot disk made: {linux.stat().st_size >> 20} MiB, {dom0.guest_kernel.name}")
    linux_words = linux_command_line("/app/server", environment, f"{GUEST_ADDRESS}/24", "")
    osv = folder / "osv.raw" if osv_loader else None
    if osv:
        words = f"--ip=eth0,{GUEST_ADDRESS},255.255.255.0 --rootfs=rofs"
        words += "".join(f" --env={name}={value}" for name, value in environment.items())
        make_osv_disk(osv_loader, server, f"{words} /app/server", osv)
        say(f"an OSv guest's boot disk made: {osv.stat().st_size >> 20} MiB, {osv_loader}")
    return Images(dom0, linux, f"{GUEST_WORDS} {linux_words}", osv)


def _attempt(images: Images, logs: Path) -> None:
    shutil.rmtree(logs, ignore_errors=True)
    say(f"booting Xen in QEMU (TCG, nested SVM); logs in {logs}")
    forwards = {"xapi": f"127.0.0.1:{DOUBLE_PORT}", "guest": f"{GUEST_ADDRESS}:{GUEST_PORT}"}
    began_s = time.monotonic()
    with Machine(images.dom0, logs, forwards) as machine:
        say(f"dom0 is up after {time.monotonic() - began_s:.0f} s")
        journey = Journey(machine, DOUBLE_PORT, NONCE)
        try:
            journey.run(images)
        except (Failed, subprocess.CalledProcessError) as error:
            # An error on a broken machine shows nothing about the step that it interrupted.
            if machine.fault():
                raise EmulatorFault(f"{machine.fault()} (seen as: {error})") from error
            if isinstance(error, subprocess.CalledProcessError):
                raise Failed(f"{error}: {error.stderr}") from error
            raise
        (logs / "seen.json").write_text(json.dumps(journey.seen, indent=1))


if __name__ == "__main__":
    sys.exit(main())
