"""A quiet host: packages held and periodic units stopped while it is measured, and restored afterwards.

The changes are written to a file on the host first. A run that is killed leaves that file, and the next run
restores the host from it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path

from ansible.module_utils.unilab.commands import run
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.files import read_text, write_text

STATE = Path("/var/lib/unilab/quiet.json")

# This folder is there where systemd runs as the first process: sd_booted(3).
SYSTEMD = Path("/run/systemd/system")

# Jobs of these units install packages. A campaign waits for their end.
INSTALLING = ("apt-daily.service", "apt-daily-upgrade.service", "unattended-upgrades.service")
POLL_S = 2.0

Run = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class Quiet:
    """Packages that are held and units that are stopped by unilab; both sorted."""

    held: list[str]
    stopped: list[str]


@dataclass(frozen=True)
class Unit:
    """A unit of systemd: its LoadState and its ActiveState."""

    load: str
    state: str

    @property
    def active(self) -> bool:
        """Whether it waits for its time, or runs."""
        return self.state in ("active", "activating")


@dataclass(frozen=True)
class Host:
    """The host's package and service manager. ``run`` returns the output of a command or raises LabError."""

    state: Path = STATE
    run: Run = run
    systemd: Path = SYSTEMD

    def recorded(self) -> Quiet | None:
        """What the state file names, None where there is none. Raises LabError where it is damaged."""
        text = read_text(self.state)
        if text is None:
            return None
        try:
            content = json.loads(text)
            return Quiet(sorted(content["held"]), sorted(content["stopped"]))
        except (ValueError, KeyError, TypeError):
            raise LabError(
                f"{self.state}: damaged. Remedy: release the packages that you do not hold yourself "
                "(`apt-mark showhold`), start the timers that you want (`systemctl list-timers --all`), and "
                "remove the file."
            ) from None

    def wanted(self, packages: Sequence[str], units: Sequence[str]) -> Quiet:
        """Installed packages that match a pattern and are not held, and active units of ``units``."""
        installed = self._installed()
        held = set(self.run(["apt-mark", "showhold"]).split())
        matching = {name for name in installed if any(fnmatch(name, pattern) for pattern in packages)}
        active = [name for name, unit in self._units(units).items() if unit.active]
        return Quiet(sorted(matching - held), sorted(active))

    def quieten(self, wanted: Quiet, wait_s: float) -> Quiet:
        """Stop and hold what ``wanted`` names; return all that is held and stopped by unilab.

        Waits ``wait_s`` for the end of an installation that is running, then raises LabError.
        """
        before = self.recorded() or Quiet([], [])
        held = sorted({*before.held, *wanted.held})
        stopped = sorted({*before.stopped, *wanted.stopped})
        quiet = Quiet(held, stopped)
        if quiet != before:
            write_text(self.state, json.dumps(asdict(quiet), indent=2) + "\n")
        if wanted.stopped:
            self.run(["systemctl", "stop", *wanted.stopped])
        self._wait_for_installations(wait_s)
        if wanted.held:
            self.run(["apt-mark", "hold", *wanted.held])
        return quiet

    def restore(self, quiet: Quiet) -> None:
        """Undo ``quieten`` for packages and units that still exist, and remove the state file last."""
        still = set(self.run(["apt-mark", "showhold"]).split())
        held = [name for name in quiet.held if name in still]
        if held:
            self.run(["apt-mark", "unhold", *held])
        present = [name for name, unit in self._units(quiet.stopped).items() if unit.load == "loaded"]
        if present:
            self.run(["systemctl", "start", *present])
        self.state.unlink(missing_ok=True)

    def _wait_for_installations(self, timeout_s: float) -> None:
        until_s = time.monotonic() + timeout_s
        # A job that runs is activating. unattended-upgrades.service is active also while it does nothing.
        while busy := [name for name, unit in self._units(INSTALLING).items() if unit.state == "activating"]:
            if time.monotonic() > until_s:
                raise LabError(
                    f"{', '.join(busy)} still installs packages after {timeout_s:g} s. "
                    "Remedy: wait for its end, and run the same command again."
                )
            time.sleep(POLL_S)

    def _installed(self) -> list[str]:
        rows = self.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n"]
        ).splitlines()
        return sorted({row.split()[1] for row in rows if row.startswith("installed ")})

    def _units(self, names: Sequence[str]) -> dict[str, Unit]:
        """The state of each unit. One call for all: on an emulated host each costs half a second."""
        if not names or not self.systemd.is_dir():
            return {}
        printed = self.run(["systemctl", "show", "--property=LoadState", "--property=ActiveState", *names])
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in printed.split("\n\n")]
        return {
            name: Unit(block["LoadState"], block["ActiveState"])
            for name, block in zip(names, blocks, strict=True)
        }
