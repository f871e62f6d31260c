"""Which accelerator really runs a guest here: found by booting one, with a time limit.

/dev/kvm may exist and still not run a guest (nested virtualisation that hangs at the first
instruction has been seen), so the file alone is never believed.
"""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.qemu import PROGRAM

PROOF = b"Linux version"


@dataclass(frozen=True)
class Verdict:
    """``name`` is kvm or tcg; ``why`` states the reason of the choice."""

    name: str
    why: str


def probe(kernel: Path, timeout_s: float) -> Verdict:
    """Boot ``kernel`` under KVM until it speaks; TCG where it does not within ``timeout_s``.

    Raises LabError when the kernel is missing, for then nothing was probed.
    """
    if not kernel.is_file():
        raise LabError(f"{kernel} does not exist: nothing to probe KVM with.")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return Verdict("tcg", "/dev/kvm is not there or not ours to open")
    spoke = _boots(kernel, timeout_s)
    if spoke:
        return Verdict("kvm", "a kernel booted under KVM")
    return Verdict("tcg", f"/dev/kvm is there, but a kernel said nothing within {timeout_s:g} s")


def _boots(kernel: Path, timeout_s: float) -> bool:
    command = [
        PROGRAM,
        *("-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-display", "none"),
        *("-no-reboot", "-serial", "stdio", "-kernel", str(kernel)),
        *("-append", "console=ttyS0 panic=-1"),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    limit = threading.Timer(timeout_s, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        return any(PROOF in line for line in process.stdout)
    finally:
        limit.cancel()
        process.kill()
        process.wait()
