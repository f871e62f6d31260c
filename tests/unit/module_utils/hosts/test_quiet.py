from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts import quiet
from ansible.module_utils.unilab.hosts.quiet import Host, Quiet

INSTALLED = {"docker.io", "containerd", "linux-image-6.1.0-1-amd64", "vim"}
PATTERNS = ["docker.io", "docker-ce", "containerd", "linux-image-*"]
UNITS = ["apt-daily.timer", "apt-daily-upgrade.timer", "snapd.refresh.timer"]


class Machine:
    """Packages and units of a host, changed by the commands that the code runs."""

    def __init__(self) -> None:
        self.held = {"containerd"}
        self.active = {"apt-daily.timer", "apt-daily-upgrade.timer"}
        self.units = {*self.active, "apt-daily.service"}
        self.jobs: list[str] = []
        self.dies_at = ""

    def run(self, argv: Sequence[str]) -> str:
        if self.dies_at and self.dies_at in argv:
            raise KeyboardInterrupt
        match list(argv):
            case ["dpkg-query", *_]:
                return "".join(f"installed {name}\n" for name in INSTALLED) + "config-files docker-ce\n"
            case ["apt-mark", "showhold"]:
                return "".join(f"{name}\n" for name in self.held)
            case ["apt-mark", "hold", *names]:
                self.held |= set(names)
            case ["apt-mark", "unhold", *names]:
                self.held -= set(names)
            case ["systemctl", "stop", *names]:
                self.active -= set(names)
            case ["systemctl", "start", *names]:
                assert set(names) <= self.units
                self.active |= set(names)
            case ["systemctl", "show", "--property=LoadState", "--property=ActiveState", *names]:
                return "\n".join(map(self.show, names))
            case other:
                raise AssertionError(other)
        return ""

    def show(self, name: str) -> str:
        load = "loaded" if name in self.units else "not-found"
        state = "active" if name in self.active else "inactive"
        if name in self.jobs:
            self.jobs.remove(name)
            state = "activating"
        return f"LoadState={load}\nActiveState={state}\n"


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def host(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(quiet, "POLL_S", 0)
    return Host(tmp_path / "quiet.json", machine.run, systemd=tmp_path)


def _quieten(host: Host, wait_s: float = 60) -> Quiet:
    return host.quieten(host.wanted(PATTERNS, UNITS), wait_s)


def test_quieten_holds_installed_packages_and_stops_active_units(host: Host, machine: Machine) -> None:
    changed = _quieten(host)
    assert changed == Quiet(
        ["docker.io", "linux-image-6.1.0-1-amd64"], ["apt-daily-upgrade.timer", "apt-daily.timer"]
    )
    assert machine.held == {"containerd", "docker.io", "linux-image-6.1.0-1-amd64"}
    assert machine.active == set()
    assert host.recorded() == changed


def test_restore_undoes_exactly_that(host: Host, machine: Machine) -> None:
    host.restore(_quieten(host))
    assert machine.held == {"containerd"}
    assert machine.active == {"apt-daily.timer", "apt-daily-upgrade.timer"}
    assert host.recorded() is None


def test_quieten_twice_changes_nothing_and_restores_all(host: Host, machine: Machine) -> None:
    first = _quieten(host)
    assert host.wanted(PATTERNS, UNITS) == Quiet([], [])
    assert _quieten(host) == first
    host.restore(first)
    assert machine.held == {"containerd"}


@pytest.mark.parametrize("command", ["stop", "hold"])
def test_run_that_is_killed_is_restored_by_the_next(command: str, host: Host, machine: Machine) -> None:
    machine.dies_at = command
    with pytest.raises(KeyboardInterrupt):
        _quieten(host)
    machine.dies_at = ""
    recorded = host.recorded()
    assert recorded
    host.restore(recorded)
    assert machine.held == {"containerd"}
    assert machine.active == {"apt-daily.timer", "apt-daily-upgrade.timer"}


def test_restore_that_is_killed_is_finished_by_the_next(host: Host, machine: Machine) -> None:
    changed = _quieten(host)
    machine.dies_at = "start"
    with pytest.raises(KeyboardInterrupt):
        host.restore(changed)
    machine.dies_at = ""
    assert host.recorded() == changed
    host.restore(changed)
    assert machine.active == {"apt-daily.timer", "apt-daily-upgrade.timer"}


def test_restore_skips_a_unit_that_was_removed(host: Host, machine: Machine) -> None:
    changed = _quieten(host)
    machine.units.remove("apt-daily.timer")
    host.restore(changed)
    assert machine.active == {"apt-daily-upgrade.timer"}
    assert host.recorded() is None


def test_quieten_waits_for_a_running_installation(host: Host, machine: Machine) -> None:
    machine.jobs = ["apt-daily-upgrade.service"] * 3
    _quieten(host)
    assert machine.jobs == []


def test_installation_that_does_not_end_is_reported(host: Host, machine: Machine) -> None:
    machine.jobs = ["apt-daily.service"] * 3
    with pytest.raises(LabError, match=r"apt-daily\.service still installs packages after 0 s\. Remedy: "):
        _quieten(host, wait_s=0)
    assert "docker.io" not in machine.held


def test_host_without_systemd_has_no_units(host: Host, machine: Machine) -> None:
    bare = Host(host.state, machine.run, systemd=host.state.with_name("none"))
    assert _quieten(bare) == Quiet(["docker.io", "linux-image-6.1.0-1-amd64"], [])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"held": 1, "stopped": []}'])
def test_damaged_state_file_is_refused_by_name(text: str, host: Host) -> None:
    host.state.write_text(text)
    with pytest.raises(LabError, match=r"quiet\.json: damaged\. Remedy: "):
        host.recorded()
