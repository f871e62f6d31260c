"""The steps on a booted Xen: upload, start, read back, answer, remove; for Linux, and for OSv if given."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.platforms.first_answer import ask_identity

from tests.unit.xenservers import run
from tests.xen.busy import kept_busy
from tests.xen.guest_console import panic
from tests.xen.machine import EmulatorFault, Machine
from tests.xen.progress import say
from tests.xen.root import PROJECT, Dom0

NETWORK = "Pool-wide network associated with eth0"
FOLDER = "/srv/double"
DOUBLE_TIMEOUT_S, CONSOLE_TIMEOUT_S, ANSWER_TIMEOUT_S = 120, 600, 60
CAP_PERCENT, WEIGHT, MEMORY_MIB = 50, 512, 192
# `xl list` omits the page or so of the domain's that is not its own memory.
MEMORY_SLACK_MIB = 1
SERVICE_UP = "bubble_sort-go: port"
# Share of a busy guest over a window; reading a clock in dom0 takes seconds.
CAP_WINDOW_S, CAP_SLACK = 40, 1.1
# Clients that keep the guest busy: more where it had not enough work to exceed its cap.
CLIENTS = (4, 16)
# Seconds between checks whether the domain exists: each costs dom0 a second.
DOMAIN_CHECK_S = 15
# OSv from April 2025 on: commit 41aaeeef.
OSV_PANIC = "Assertion failed: _addr_64"


class Failed(Exception):
    """A check failed."""


@dataclass(frozen=True)
class Images:
    """The dom0 and the disks of guests; the Linux guest gets its command line at each start."""

    dom0: Dom0
    linux: Path
    linux_command_line: str
    osv: Path | None


class Journey:
    """One run on one booted machine.

    Attributes:
        seen: the figures and values that were read, by guest.
    """

    def __init__(self, machine: Machine, port: int, nonce: str) -> None:
        self.machine, self._port, self._nonce = machine, port, nonce
        self.seen: dict[str, dict[str, Any]] = {}
        self._connection: dict[str, Any] = {}

    def run(self, images: Images) -> None:
        """All of it. Raises Failed, EmulatorFault, CalledProcessError."""
        self._report_xen()
        self._start_double()
        uuid = self._linux(images.linux, images.linux_command_line)
        if images.osv:
            self._osv(images.osv)
        self._left_behind(uuid)

    # Xen and the double.

    def _report_xen(self) -> None:
        facts = dict(
            line.replace(" ", "", 1).split(":", 1)
            for line in self.machine.run("xl info").splitlines()
            if ":" in line
        )
        facts = {key.strip(): value.strip() for key, value in facts.items()}
        keys = ("xen_version", "xen_scheduler", "virt_caps", "release", "nr_cpus", "total_memory")
        self.seen["host"] = {key: facts.get(key, "") for key in keys}
        say("xl info: " + ", ".join(f"{key} {facts.get(key)}" for key in keys))
        _check("hvm in Xen's virt_caps", True, "hvm" in facts.get("virt_caps", ""))

    def _start_double(self) -> None:
        code = ["tests/doubles/xapi", "tests/xen/in_dom0.py", "tests/xen/__init__.py", "module_utils/unilab"]
        self.machine.put(code, PROJECT, "/srv/unilab")
        log = self.machine.start(
            "double.log",
            f"cd /srv/unilab && exec python3 -m tests.xen.in_dom0 {FOLDER} {self._port}",
        )
        patience = self.machine.patience(DOUBLE_TIMEOUT_S)
        while not log.read_text().startswith("{"):
            self._still_there()
            if patience.over() or "Traceback" in log.read_text():
                raise Failed(f"the double did not start in dom0: {log.read_text().strip()[-400:]}")
            time.sleep(1)
        address = json.loads(log.read_text().splitlines()[0])
        certificate = self.machine.folder / "certificate.pem"
        certificate.write_text(address["certificate"])
        self._connection = {
            "hostname": "127.0.0.1",
            "port": self.machine.ports["xapi"],
            "password": address["password"],
            "ca_file": str(certificate),
        }
        say("the XAPI double listens inside dom0; it starts VMs by `xl create`")

    # Guests.

    def _linux(self, disk: Path, command_line: str) -> str:
        uuid = self._upload("linux", disk)
        repeated = self._module("xenserver_disk", name="linux", path=str(disk))
        _check("bytes sent by a second upload of the same image", 0, repeated["sent_bytes"])
        vm, began_s = self._start(
            "linux", uuid, "02:00:00:00:00:02", image=str(disk), command_line=command_line
        )
        console = self._console("linux", vm)
        self._read_back("linux", vm)
        self._wait_for("linux", vm, console, [SERVICE_UP])
        self._answer("linux", began_s)
        self._own_devices("linux", vm)
        self._cap_is_enforced("linux", vm)
        self._remove("linux")
        return vm

    def _osv(self, disk: Path) -> None:
        uuid = self._upload("osv", disk)
        vm, began_s = self._start("osv", uuid, "02:00:00:00:00:03")
        console = self._console("osv", vm)
        self._read_back("osv", vm)
        found = self._wait_for("osv", vm, console, [OSV_PANIC, SERVICE_UP])
        self.seen["osv"]["ended_as"] = found
        if found == OSV_PANIC:
            say(f"FINDING: this OSv panics at boot on Xen HVM: `{OSV_PANIC}` in drivers/pci-function.cc,")
            say("         as every OSv since April 2025 (commit 41aaeeef); it is no fault of Xen or unilab")
        else:
            self._answer("osv", began_s)
            say("this OSv boots on Xen HVM and answers")
        self._remove("osv")

    def _upload(self, name: str, disk: Path) -> str:
        began_s = time.monotonic()
        answer = self._module("xenserver_disk", name=name, path=str(disk))
        took_s = time.monotonic() - began_s
        say(f"{name}: {answer['sent_bytes'] / 2**20:.1f} MiB uploaded through XAPI in {took_s:.0f} s")
        self.seen[name] = {"sent_bytes": answer["sent_bytes"], "upload_s": took_s}
        return str(answer["uuid"])

    def _start(self, name: str, disk: str, mac: str, **more: str) -> tuple[str, float]:
        began_s = time.monotonic()
        answer = self._module(
            "xenserver_guest",
            name=name,
            disk=disk,
            memory_mib=MEMORY_MIB,
            vcpus=1,
            cap_percent=CAP_PERCENT,
            weight=WEIGHT,
            network=NETWORK,
            mac=mac,
            **more,
        )
        ready_s = time.monotonic()
        say(f"{name}: VM.start_on and the steps before it done after {ready_s - began_s:.0f} s")
        _check("power state by XAPI", "Running", answer["power_state"])
        self.seen[name]["start_s"] = ready_s - began_s
        return answer["uuid"], ready_s

    def _read_back(self, name: str, vm: str) -> None:
        """Caps by Xen's own tools in dom0, then by XAPI through unilab's module."""
        scheduler = self.seen["host"]["xen_scheduler"]
        table = self.machine.run(
            "xl", {"credit2": "sched-credit2", "credit": "sched-credit"}[scheduler], "-d", vm
        )
        weight, cap = (int(word) for word in table.splitlines()[-1].split()[2:4])
        memory_mib = int(self.machine.run("xl list", vm).splitlines()[-1].split()[2])
        vcpus = len(self.machine.run("xl vcpu-list", vm).splitlines()) - 1
        _check(f"{name}: weight by xl sched-{scheduler}", WEIGHT, weight)
        _check(f"{name}: cap by xl sched-{scheduler}, percent of a CPU", CAP_PERCENT, cap)
        _check(f"{name}: memory by xl list, MiB (1 less at most)", MEMORY_MIB, memory_mib, MEMORY_SLACK_MIB)
        _check(f"{name}: vCPUs by xl vcpu-list", 1, vcpus)
        answer = self._module(
            "resource_cap", platform="xenserver", name=name, cpus=CAP_PERCENT / 100, memory_mib=MEMORY_MIB
        )
        rows = {row["kind"]: row["value"] for row in answer["read_back"]}
        _check(f"{name}: weight by resource_cap, from the scheduler", str(WEIGHT), rows["scheduler_weight"])
        _check(f"{name}: cap by resource_cap, from the scheduler", str(CAP_PERCENT), rows["scheduler_cap"])
        self.seen[name] |= {"weight": weight, "cap_percent": cap, "xl_list_mib": memory_mib, "vcpus": vcpus}
        self.seen[name]["resource_cap"] = answer["read_back"]

    def _own_devices(self, name: str, vm: str) -> None:
        """Disk and card are Xen's own, by their states in XenStore."""
        domain = self.machine.run("xl domid", vm).strip()
        for device in ("vbd/51712", "vif/0"):
            state = self.machine.run(f"xenstore-read /local/domain/{domain}/device/{device}/state").strip()
            _check(f"{name}: xenbus state of {device}, 4 is Connected", "4", state)

    def _answer(self, name: str, began_s: float) -> None:
        patience = self.machine.patience(ANSWER_TIMEOUT_S)
        while True:
            try:
                identity = ask_identity("127.0.0.1", self.machine.ports["guest"])
                break
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._still_there()
                if patience.over():
                    raise Failed(f"{name}: no answer on dom0's bridge: {error}") from None
                time.sleep(1)
        took_s = time.monotonic() - began_s
        _check(f"{name}: nonce in its answer", self._nonce, identity.get("nonce"))
        say(f"{name}: GET /identity answered {took_s:.0f} s after VM.start: {json.dumps(identity)}")
        self.seen[name] |= {"answer_s": took_s, "identity": identity}

    def _remove(self, name: str) -> None:
        self._module("xenserver_guest", name=name, state="absent")
        self._module("xenserver_disk", name=name, state="absent")
        say(f"{name}: VM and disk removed")

    def _left_behind(self, vm: str) -> None:
        domains = [line.split()[0] for line in self.machine.run("xl list").splitlines()[1:]]
        _check("domains that remain", ["Domain-0"], domains)
        files = self.machine.run(f"find {FOLDER}/disks {FOLDER}/domains -name '*.raw' -o -name '{vm}'")
        _check("disks and folders that remain in dom0", "", files.strip())

    # Helpers.

    def _console(self, name: str, vm: str) -> Path:
        return self.machine.start(f"{name}.log", f"exec tail -n +1 -F {FOLDER}/domains/{vm}/console.log")

    def _wait_for(self, name: str, vm: str, console: Path, texts: list[str]) -> str:
        """Show the console's lines until one of ``texts`` is in it, and return that.

        Raises Failed as soon as the guest panics or its domain is gone, EmulatorFault where nothing comes.
        """
        patience, shown = self.machine.patience(CONSOLE_TIMEOUT_S), 0
        next_check_s = time.monotonic() + DOMAIN_CHECK_S
        while True:
            content = console.read_text(errors="replace")
            whole = content[: content.rfind("\n") + 1].splitlines()
            for line in whole[shown:]:
                if line.strip():
                    say(f"  console | {line.strip()[:110]}")
            shown = len(whole)
            found = next((text for text in texts if text in content), None)
            if found:
                return found
            self._still_there()
            if line := panic(content):
                raise Failed(f"{name}: the guest panicked: {line[:110]}")
            if time.monotonic() > next_check_s:
                self._require_domain(name, vm)
                next_check_s = time.monotonic() + DOMAIN_CHECK_S
            if patience.over():
                last = content.strip().splitlines()[-1:] or ["nothing"]
                # A hang of the emulator looks the same; they cannot be distinguished.
                raise EmulatorFault(
                    f"guest hung: not one of {texts} within {patience}; last: {last[0][:110]}"
                )
            time.sleep(1)

    def _require_domain(self, name: str, vm: str) -> None:
        domains = self.machine.run("xl list")
        if vm not in domains:
            raise Failed(f"{name}: the guest's domain is gone: it crashed or ended before it answered")

    def _cap_is_enforced(self, name: str, vm: str) -> None:
        """The busy guest gets no more than its cap, and more than that without a cap.

        Shares are those of Xen's clock, so the machine's speed does not matter. Only the work does: a guest
        that is idle part of the time shows nothing. It gets more clients where it had not enough work.
        """
        scheduler = f"xl sched-{self.seen['host']['xen_scheduler']} -d {vm}"
        most = CAP_PERCENT * CAP_SLACK
        for clients in CLIENTS:
            with kept_busy(self.machine.ports["guest"], clients):
                self.machine.run(f"{scheduler} -c {CAP_PERCENT}")
                capped = self._share_percent(vm)
                self.machine.run(f"{scheduler} -c 0")
                uncapped = self._share_percent(vm)
            say(f"{name}: {clients} clients, {capped:.0f} % of a CPU; {uncapped:.0f} % without the cap")
            _check(f"{name}: busy, no more than the cap (10 % slack)", True, capped <= most)
            if uncapped > most:
                break
        _check(f"{name}: more than that without the cap", True, uncapped > most)
        self.seen[name] |= {"busy_capped_percent": capped, "busy_uncapped_percent": uncapped}

    def _share_percent(self, vm: str) -> float:
        began_s, used_s = self._cpu_time_s(vm)
        time.sleep(CAP_WINDOW_S)
        ended_s, used_by_then_s = self._cpu_time_s(vm)
        return 100 * (used_by_then_s - used_s) / (ended_s - began_s)

    def _cpu_time_s(self, vm: str) -> tuple[float, float]:
        """The time of the reading (the middle of the call), and the domain's CPU time until then."""
        asked_s = time.monotonic()
        used_s = float(self.machine.run("xl list", vm).splitlines()[-1].split()[-1])
        return (asked_s + time.monotonic()) / 2, used_s

    def _still_there(self) -> None:
        if self.machine.fault():
            raise EmulatorFault(self.machine.fault())

    def _module(self, module: str, **arguments: Any) -> dict[str, Any]:
        answer = run(module, connection=self._connection, **arguments)
        if answer["failed"]:
            raise Failed(f"{module}: {answer.get('msg')}")
        return answer


def _check(what: str, wanted: Any, found: Any, slack: int = 0) -> None:
    """Print the value. Raises Failed where it is not the wanted one."""
    holds = wanted - slack <= found <= wanted if slack else wanted == found
    say(f"{'ok  ' if holds else 'NOT '} {what}: {found!r}" + ("" if holds else f", wanted {wanted!r}"))
    if not holds:
        raise Failed(f"{what}: {found!r}, wanted {wanted!r}")
