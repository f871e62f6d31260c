"""The plugin ``work_counter.c``: compiled where QEMU runs, and proved to load there."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.counting.mapped_file import MappedFile
from ansible.module_utils.unilab.errors import LabError

QEMU = "qemu-system-x86_64"

_COMPILE = ("gcc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-pthread")
_COMPILE_TIMEOUT_S = 120
_PROBE_TIMEOUT_S = 20

# The option of a module; its documentation is the fragment ``counting``.
OPTION: dict[str, Any] = {
    "type": "dict",
    "options": {
        "plugin": {"type": "str", "required": True},
        "kernel": {"type": "list", "elements": "str", "default": []},
        "idle": {"type": "list", "elements": "str", "default": []},
        "guest_kernel": {"type": "list", "elements": "str", "default": []},
    },
}


@dataclass(frozen=True)
class Counting:
    """What the plugin is given.

    Attributes:
        plugin: the shared object.
        kernel, idle: addresses of the kernel and of its idle loop, "LOW-HIGH".
        guest_kernel: addresses of the kernels of guests, where the machine is a server that runs some.
    """

    plugin: Path
    kernel: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    guest_kernel: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> Counting | None:
        """From the values of `OPTION`; None where no plugin is named, and nothing is counted."""
        if not options or not options["plugin"]:
            return None
        ranges = {name: tuple(options[name]) for name in ("kernel", "idle", "guest_kernel")}
        return cls(Path(options["plugin"]), **ranges)

    @property
    def ranges(self) -> tuple[str, ...]:
        """The addresses as the plugin's file repeats them, "kernel=LOW-HIGH" and so on."""
        groups = {"kernel": self.kernel, "idle": self.idle, "guest_kernel": self.guest_kernel}
        return tuple(f"{name}={text}" for name, texts in groups.items() for text in texts)

    def argument(self, counts: Path) -> str:
        """The value of QEMU's option -plugin. A comma in a path is doubled, as QEMU's options ask."""
        return ",".join([_escaped(self.plugin), f"counts={_escaped(counts)}", *self.ranges])


def installed_path(source: bytes, folder: Path) -> Path:
    """Where the plugin of ``source`` is kept: its name has the hash of source and compiler options."""
    digest = hashlib.sha256(source + " ".join(_COMPILE).encode()).hexdigest()
    return folder / f"work_counter-{digest[:12]}.so"


def compile_plugin(source: bytes, path: Path) -> None:
    """Compile ``source`` to ``path``, whole or not at all. Raises LabError with the compiler's message."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".work_counter.") as scratch:
        code, made = Path(scratch) / "work_counter.c", Path(scratch) / "work_counter.so"
        code.write_bytes(source)
        _run(
            [*_COMPILE, "-o", str(made), str(code)],
            _COMPILE_TIMEOUT_S,
            "install the packages gcc and libc6-dev",
        )
        made.replace(path)


def probe(plugin: Path, program: str = QEMU) -> int:
    """Load the plugin into a machine without a guest; return QEMU's version of the plugin interface.

    Raises LabError with QEMU's message where it does not load, or counts nothing.
    """
    with tempfile.TemporaryDirectory(prefix="unilab-probe-") as scratch:
        counts = Path(scratch) / "counts.bin"
        command = [
            *(program, "-accel", "tcg", "-m", "32", "-nodefaults", "-display", "none", "-no-user-config"),
            *("-S", "-qmp", "stdio", "-plugin", Counting(plugin).argument(counts)),
        ]
        quit_at_once = '{"execute":"qmp_capabilities"}{"execute":"quit"}'
        _run(command, _PROBE_TIMEOUT_S, "use a QEMU of Debian 12 or later, built with plugins", quit_at_once)
        with MappedFile(counts) as mapped:
            return mapped.header.api_version


def _run(command: Sequence[str], timeout_s: float, remedy: str, text: str = "") -> None:
    try:
        done = subprocess.run(
            list(command), input=text, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        raise LabError(f"{command[0]} is not installed. Remedy: {remedy}.") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"{command[0]} did not end within {timeout_s:g} s. Remedy: {remedy}.") from None
    if done.returncode:
        message = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise LabError(f"{command[0]} failed: {'; '.join(message[-3:])}. Remedy: {remedy}.")


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")
