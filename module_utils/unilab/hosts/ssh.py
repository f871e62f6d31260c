"""A machine that is reached over one shared ssh connection: shell scripts, and its Unix sockets.

On an emulated machine Python takes seconds to start, and so does a login; a command over a connection that
is open takes tenths (ssh_config(5), ControlMaster). Sockets are forwarded by the same connection.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ansible.module_utils.unilab.errors import LabError

_LOGIN_TIMEOUT_S = 120
_CONTROL_TIMEOUT_S = 30


class SshHost:
    """The machine that the ssh command ``words`` reaches; ``words`` end with its name and share a connection.

    Used in a ``with`` statement, at whose end forwarded sockets are closed; the connection stays open.
    """

    def __init__(self, words: Sequence[str], timeout_s: float = 120) -> None:
        self._options, self._target, self._timeout_s = list(words[:-1]), words[-1], timeout_s
        self._forwarded: dict[str, Path] = {}
        self._folder: Path | None = None

    def __enter__(self) -> SshHost:
        """Open the connection where it is not open. Raises LabError."""
        if self._control("check").returncode == 0:
            return self
        # Its own output is read to its end, which a connection that stays would never reach.
        command = [*self._options, "-f", "-N", self._target]
        with tempfile.TemporaryFile() as errors:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=_LOGIN_TIMEOUT_S,
                check=False,
            )
            errors.seek(0)
            reported = errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
        if done.returncode:
            raise LabError(
                f"{self._target}: no login over ssh ({reported[-1]}). "
                "Remedy: correct the host's ansible_host, ansible_user or key in the inventory."
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was forwarded."""
        for path, local in self._forwarded.items():
            self._control("cancel", "-L", f"{local}:{path}")
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def shell(self, script: str) -> str:
        """Standard output of the POSIX shell ``script``, run there. Raises LabError where it fails."""
        return self.timed_shell(script)[0]

    def timed_shell(self, script: str) -> tuple[str, float]:
        """The same, and when its first output arrived, by time.monotonic()."""
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [*self._options, self._target, "sh"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            assert process.stdin and process.stdout
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(script + "\n")
                process.stdin.close()
            first = process.stdout.read(1)
            at_s = time.monotonic()
            output = first + process.stdout.read()
            process.wait(self._timeout_s)
            errors.seek(0)
            reported = (errors.read() or output).strip().splitlines() or ["no message"]
        if process.returncode:
            raise LabError(f"a command on {self._target} failed ({process.returncode}): {reported[-1]}")
        return output, at_s

    def connect(self, path: str, timeout_s: float) -> socket.socket:
        """A connection to the Unix socket ``path`` of that machine. Raises OSError."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_s)
            connection.connect(str(self._local(path)))
        except OSError:
            connection.close()
            raise
        return connection

    def _local(self, path: str) -> Path:
        """The socket on this machine that is forwarded to ``path``."""
        if path not in self._forwarded:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="unilab-ssh-", dir="/tmp"))
            local = self._folder / str(len(self._forwarded))
            done = self._control("forward", "-L", f"{local}:{path}")
            if done.returncode:
                raise OSError(f"ssh did not forward {path}: {done.stderr.strip()}")
            self._forwarded[path] = local
        return self._forwarded[path]

    def _control(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._options, "-O", command, *words, self._target],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_CONTROL_TIMEOUT_S,
            check=False,
        )
