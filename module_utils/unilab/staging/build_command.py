"""The build command of a manifest: bounded in time, its end independent of its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO

from ansible.module_utils.unilab.staging.guest_paths import guest_relative

from contracts.errors import InputError
from contracts.manifest import HostPath, Manifest

BUILD_TIMEOUT_S = 3600.0
# Of a build's output, this much of its end is shown.
_OUTPUT_BYTES = 64 * 1024


class BuildError(InputError):
    """A manifest's build command failed; ``output`` is the end of what it wrote."""

    def __init__(self, manifest_path: Path, problem: str, output: str, remedy: str = "") -> None:
        super().__init__(manifest_path, "build", problem, remedy or "correct what its output names")
        self.output = output


def build(manifest: Manifest, timeout_s: float = BUILD_TIMEOUT_S) -> None:
    """Run the manifest's build command in its folder. Raises BuildError.

    The command ends when its own process ends: a program that it started in the background may hold its
    output open, and is killed if it is still in the command's process group.
    """
    words = manifest.build.split()
    if not words:
        return
    with tempfile.TemporaryFile() as output:
        status = _status(manifest, words, output, timeout_s)
        if status == 0:
            return
        text = _end_of(output)
    if status is None:
        problem = f"'{' '.join(words)}' did not end within {timeout_s:g} s"
        raise BuildError(manifest.path, problem, text, "run it by hand and see where it waits")
    raise BuildError(manifest.path, f"'{' '.join(words)}' ended with status {status}", text)


def is_built(manifest: Manifest) -> bool:
    """Whether the files that the build command makes are there, as far as the manifest names them.

    A Capstanfile names each file, or its ROOTFS; a package has its program; a container image needs none.
    """
    sources = [
        source for layer in manifest.layers for source in layer.sources if isinstance(source, HostPath)
    ]
    names = [one.host.replace("&", PurePosixPath(one.guest).name) for one in sources if not one.optional]
    if not names and manifest.build and manifest.image is None:
        names = [one.host for one in sources] or [guest_relative(manifest.program)]
    return all((manifest.folder / name).exists() for name in names)


def _status(manifest: Manifest, words: list[str], output: IO[bytes], timeout_s: float) -> int | None:
    """The command's exit status, None where it did not end in time."""
    try:
        process = subprocess.Popen(
            words,
            cwd=manifest.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        problem = f"cannot run '{words[0]}': {error.strerror}"
        raise BuildError(manifest.path, problem, "", "install it, or correct the command") from None
    try:
        return process.wait(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _OUTPUT_BYTES))
    return output.read().decode(errors="replace")
