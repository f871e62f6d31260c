"""Parts of `make test-xen` without Xen: a panic ends the run at once, caps are judged without times."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.xen import journey
from tests.xen.guest_console import panic
from tests.xen.journey import CAP_PERCENT, SERVICE_UP, Failed, Journey


class FakeMachine:
    """A dom0 in which every command prints ``domains``."""

    def __init__(self, domains: str = "") -> None:
        self.ports, self.folder = {"guest": 1}, Path()
        self.domains = domains
        self.commands: list[str] = []

    def run(self, *argv: str) -> str:
        self.commands.append(" ".join(argv))
        return self.domains

    def fault(self) -> str:
        return ""

    def patience(self, limit_s: float) -> Any:
        class Patience:
            began_s = time.monotonic()

            def over(self) -> bool:
                return time.monotonic() - self.began_s > 10

        return Patience()


def journey_on(machine: Any) -> Journey:
    made = Journey(machine, 1, "nonce")
    made.seen = {"host": {"xen_scheduler": "credit2"}, "linux": {}}
    return made


@pytest.mark.parametrize(
    ("console", "line"),
    [
        ("a\n[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs\nb\n", "[ 1.2] Kernel panic"),
        ("OSv v0.57\nAssertion failed: false (core/mmu.cc: run: 1)\n", "Assertion failed: false"),
        ("page fault outside application, addr: 0x0\n", "page fault outside application"),
        ("OSv v0.57\nbubble_sort-go: port 8080\n", ""),
        ("", ""),
    ],
)
def test_panic_is_found_on_the_console(console: str, line: str) -> None:
    found = panic(console)
    assert found.startswith(line) and bool(found) == bool(line)


def test_panic_ends_the_wait_at_once(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("booting\n[    1.0] Kernel panic - not syncing: no init\n")
    with pytest.raises(Failed, match=r"linux: the guest panicked: .*no init"):
        journey_on(FakeMachine("vm"))._wait_for("linux", "vm", console, [SERVICE_UP])


def test_domain_that_is_gone_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey, "DOMAIN_CHECK_S", 0)
    console = tmp_path / "console.log"
    console.write_text("booting\n")
    with pytest.raises(Failed, match="the guest's domain is gone"):
        journey_on(FakeMachine("Domain-0"))._wait_for("linux", "vm", console, [SERVICE_UP])


def test_known_panic_is_returned_where_it_is_expected(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text(f"{journey.OSV_PANIC} (drivers/pci-function.cc)\n")
    wanted = [journey.OSV_PANIC, SERVICE_UP]
    found = journey_on(FakeMachine("vm"))._wait_for("osv", "vm", console, wanted)
    assert found == journey.OSV_PANIC


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([49, 97], ""),
        ([50, 60], ""),  # a fast machine, or one whose CPUs others use
        ([30, 52, 50, 90], ""),  # idle part of the time with the first number of clients
        ([97, 97], "no more than the cap"),
        ([20, 30, 40, 50], "more than that without the cap"),
    ],
)
def test_cap_is_judged_by_shares(shares: list[float], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remaining = list(shares)
    machine = FakeMachine()
    made = journey_on(machine)
    monkeypatch.setattr(made, "_share_percent", lambda vm: remaining.pop(0))
    if message:
        with pytest.raises(Failed, match=message):
            made._cap_is_enforced("linux", "vm")
        return
    made._cap_is_enforced("linux", "vm")
    assert not remaining
    assert machine.commands[-2:] == [
        f"xl sched-credit2 -d vm -c {CAP_PERCENT}",
        "xl sched-credit2 -d vm -c 0",
    ]
