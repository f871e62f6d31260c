"""VMs run by Xen's own toolstack: `xl create` in a dom0, caps read from Xen's scheduler.

Formats: xl.cfg(5), xl-disk-configuration(5), xl(1).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.doubles.xapi.backends import MIB, Disk, Hardware

# xl waits for udev's and its own scripts; on an emulated CPU that takes most of a minute.
CREATE_TIMEOUT_S, CALL_TIMEOUT_S = 240, 120
SCHEDULERS = {"credit2": "sched-credit2", "credit": "sched-credit"}


class Xl:
    """Runs a VM as HVM domain that boots its disk by the BIOS and then uses Xen's own disk and card.

    The domain has the VM's uuid as its name. Its first serial port is written to ``console.log``
    in a folder of that name, kept as ``last-console.log`` when it has ended.
    """

    accelerator = "xen"
    enforces_cap = True

    def __init__(self, directory: Path, extra: str = "") -> None:
        """``extra``: lines that are appended to every domain's configuration."""
        self._directory, self._extra = directory, extra

    def start(self, vm: str, hardware: Hardware) -> None:
        """Create the domain; it runs when this returns. Raises RuntimeError with the output of xl."""
        folder = self._directory / vm
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "xl.cfg"
        path.write_text(configuration(vm, hardware, folder / "console.log") + self._extra)
        _xl("create", "-q", str(path), timeout_s=CREATE_TIMEOUT_S)

    def stop(self, vm: str) -> None:
        """Destroy the domain, if it is there."""
        if self.is_running(vm):
            _xl("destroy", vm, timeout_s=CREATE_TIMEOUT_S)
        log = self.console(vm)
        if log.exists():
            shutil.copy(log, self._directory / "last-console.log")
        shutil.rmtree(log.parent, ignore_errors=True)

    def is_running(self, vm: str) -> bool:
        """Whether the domain exists; one that crashed or powered off does not (on_crash, on_poweroff)."""
        return bool(_xl("domid", vm, may_fail=True).strip())

    def memory_bytes(self, vm: str) -> int:
        """The memory by `xl list`, which is in whole MiB."""
        return int(_row(_xl("list", vm), vm)[1]) * MIB

    def scheduler(self, vm: str) -> dict[str, str]:
        """Weight and cap by Xen's scheduler, and the mask where not every CPU is allowed."""
        name = _xl("info", "xen_scheduler").strip()
        if name not in SCHEDULERS:
            raise RuntimeError(f"Xen's scheduler {name} has no caps: boot Xen with sched=credit2")
        weight, cap = _row(_xl(SCHEDULERS[name], "-d", vm), vm)[1:3]
        found = {"weight": weight, "cap": cap}
        # Columns: VCPU CPU state time(s), then "hard / soft" affinity.
        hard = " ".join(_row(_xl("vcpu-list", vm), vm)[5:]).partition(" / ")[0]
        return found if hard == "all" else {**found, "mask": hard}

    def console(self, vm: str) -> Path:
        """The file that the domain's first serial port is written to."""
        return self._directory / vm / "console.log"


def configuration(name: str, hardware: Hardware, console: Path) -> str:
    """The domain's xl.cfg."""
    params = hardware.params
    wanted = {
        "name": name,
        "uuid": name,
        "type": "hvm",
        "memory": hardware.memory_bytes // MIB,
        "vcpus": hardware.vcpus,
        "cpu_weight": int(params.get("weight", "256")),
        "cap": int(params.get("cap", "0")),
        **({"cpus": params["mask"]} if params.get("mask") else {}),
        "boot": "c",
        "disk": [_disk(disk) for disk in hardware.disks],
        # type=vif: no emulated card beside Xen's own, and so no network boot to wait for.
        "vif": [f"type=vif,mac={vif.mac},bridge={vif.bridge}" for vif in hardware.vifs],
        "serial": f"file:{console}",
        "vga": "none",
        "vnc": 0,
        "usb": 0,
        "on_poweroff": "destroy",
        "on_reboot": "destroy",
        "on_crash": "destroy",
    }
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in wanted.items())


def _disk(disk: Disk) -> str:
    # qdisk: the device model serves the file itself, so that no loop device is needed.
    place = f"xvd{'abcdefghijklmnop'[int(disk.userdevice)]}"
    access = "rw" if disk.writable else "ro"
    return f"format=raw,backendtype=qdisk,vdev={place},access={access},target={disk.path}"


def _row(table: str, name: str) -> list[str]:
    """The words after ``name`` in its row of an xl table. Raises RuntimeError."""
    for line in table.splitlines():
        words = line.split()
        if words and words[0] == name:
            return words[1:]
    raise RuntimeError(f"xl does not list {name}: {table.strip()[-200:]}")


def _xl(*arguments: str, timeout_s: float = CALL_TIMEOUT_S, may_fail: bool = False) -> str:
    try:
        done = subprocess.run(
            ["xl", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        raise RuntimeError("xl is not installed here: this backend runs in a Xen dom0") from None
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"xl {arguments[0]} did not end within {timeout_s:g} s") from None
    if done.returncode and not may_fail:
        raise RuntimeError(f"xl {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-400:]}")
    return "" if done.returncode else done.stdout
