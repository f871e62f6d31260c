"""What a platform does with an instance: one small interface, one implementation for each platform.

``contracts/platforms.py`` describes the same platforms to studies, records and reports.
A platform reaches the machine that runs its instances through a ``Host`` and through nothing else: shell
commands, and the machine's Unix sockets. So the same implementation serves a module that runs on that
machine (``LocalHost``), output of commands that were run there already (``GivenOutput``), and a controller
that sends the commands over one ssh connection to a machine on which Python would take seconds.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypedDict, TypeVar

from ansible.module_utils.unilab.errors import LabError

Boot_contra = TypeVar("Boot_contra", contravariant=True)


class Cap(TypedDict):
    """One limit as the system states it; the fields of ``CapReading`` in contracts/trial.py."""

    resource: str
    kind: str
    source: str
    value: float | str
    unit: str


@dataclass(frozen=True)
class Memory:
    """Memory of an instance in bytes, of one kind, and where the figure came from."""

    kind: str
    source: str
    bytes: int


class Host(Protocol):
    """The machine that runs the instances of a platform."""

    def shell(self, script: str) -> str:
        """Standard output of the POSIX shell ``script``, run there. Raises LabError where it fails."""

    def timed_shell(self, script: str) -> tuple[str, float]:
        """The same, and when the script printed its first line, by time.monotonic()."""

    def connect(self, path: str, timeout_s: float) -> socket.socket:
        """A connection to the Unix socket ``path`` of that machine. Raises OSError."""


class LocalHost:
    """The machine that this program runs on."""

    def shell(self, script: str) -> str:
        """Standard output of ``script``. Raises LabError."""
        done = subprocess.run(["sh"], input=script, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            reported = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise LabError(f"a command on this host failed ({done.returncode}): {reported[-1]}")
        return done.stdout

    def timed_shell(self, script: str) -> tuple[str, float]:
        """The same, and when it was started: here nothing is between that and its first line."""
        began_s = time.monotonic()
        return self.shell(script), began_s

    def connect(self, path: str, timeout_s: float) -> socket.socket:
        """A connection to the Unix socket ``path``. Raises OSError."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_s)
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection


@dataclass(frozen=True)
class GivenOutput:
    """A machine on which the one script that will be asked for has run already, and printed ``output``."""

    output: str

    def shell(self, script: str) -> str:
        """What the script printed."""
        return self.output

    def timed_shell(self, script: str) -> tuple[str, float]:
        """The same; the time is that of the question."""
        return self.output, time.monotonic()

    def connect(self, path: str, timeout_s: float) -> socket.socket:
        """Nothing more can be asked for. Raises OSError."""
        raise OSError("only the output of commands is at hand")


class AskedOnce:
    """``host``, of which each script is asked once: a second reading is of the same moment."""

    def __init__(self, host: Host) -> None:
        self._host, self._printed = host, dict[str, str]()

    def shell(self, script: str) -> str:
        """What the script printed when it was run first. Raises LabError."""
        if script not in self._printed:
            self._printed[script] = self._host.shell(script)
        return self._printed[script]

    def timed_shell(self, script: str) -> tuple[str, float]:
        """Not kept: a start is no question."""
        return self._host.timed_shell(script)

    def connect(self, path: str, timeout_s: float) -> socket.socket:
        """A connection to the Unix socket ``path`` of the host. Raises OSError."""
        return self._host.connect(path, timeout_s)


@dataclass(frozen=True)
class Instance:
    """One instance, by what its platform needs to find it.

    Attributes:
        name: of the container or guest.
        directory: state of the guest on its host (qemu).
        namespace: network namespace of the guest's process, "" for that of the host (qemu).
        pid: of the instance's first process on its host (docker); 0 where it has to be looked up.
        connection: how XAPI is reached (xenserver).
    """

    name: str
    directory: Path | None = None
    namespace: str = ""
    pid: int = 0
    connection: Mapping[str, Any] = field(default_factory=dict)


def cap(resource: str, kind: str, source: str, value: float | str, unit: str) -> Cap:
    """One limit."""
    return Cap(resource=resource, kind=kind, source=source, value=value, unit=unit)


class _Driven(Protocol, Generic[Boot_contra]):
    """What a platform needs beside to be driven by few commands, from another machine too."""

    def prepare(self, host: Host, instance: Instance, boot: Boot_contra) -> None:
        """All that can be done before the start, in place of what an earlier instance left."""

    def launch(self, host: Host, instance: Instance, boot: Boot_contra) -> float:
        """Start what was prepared, and return at once: when it began, by time.monotonic()."""

    def console(self, host: Host, instance: Instance) -> str:
        """What the instance wrote on its console, "" where the platform keeps none."""


class Platform(Protocol, Generic[Boot_contra]):
    """One platform. Every method raises LabError, with the remedy, where the host refuses.

    Attributes:
        name: as ``contracts.platforms.PLATFORMS`` has it.
        needs: the module options, beside the name, without which an instance is not found.
        changes_caps: whether the caps of a running instance can be changed; else they are fixed at its start.
    """

    name: str
    needs: tuple[str, ...]
    changes_caps: bool

    def start(self, host: Host, instance: Instance, boot: Boot_contra) -> None:
        """Start a fresh instance, and return at once."""

    def stop(self, host: Host, instance: Instance) -> bool:
        """End the instance and remove its state. True when there was anything."""

    def runs(self, host: Host, instance: Instance) -> bool:
        """Whether the instance runs."""

    def read_caps(self, host: Host, instance: Instance) -> list[Cap]:
        """The limits of the running instance, as the system itself states them."""

    def set_caps(self, host: Host, instance: Instance, cpus: float, memory_mib: int, cpuset: str) -> None:
        """Change the caps of a running instance."""

    def read_memory(self, host: Host, instance: Instance) -> list[Memory]:
        """Memory of the running instance, of every kind that can be had."""


class Driven(Platform[Boot_contra], _Driven[Boot_contra], Protocol[Boot_contra]):
    """A platform whose instances the module service_instance drives."""
