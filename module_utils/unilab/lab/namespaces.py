"""Work within another network namespace, in this process and by its clock."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.errors import LabError

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_RUN_NETNS = Path("/run/netns")


class Worker(threading.Thread):
    """Work in a thread whose sockets are those of ``namespace``, None for our own.

    A namespace belongs to a thread (setns(2)), so the others keep theirs.
    """

    def __init__(self, namespace: str | None, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._namespace, self._work = namespace, work
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """What the thread does."""
        try:
            if self._namespace:
                _enter(_RUN_NETNS / self._namespace)
            self._value = self._work()
        except BaseException as error:
            self._error = error

    def done(self, wait_s: float) -> bool:
        """Whether it has ended within ``wait_s``."""
        self.join(wait_s)
        return not self.is_alive()

    def result(self) -> Any:
        """What the work returned. Raises its error, or LabError where the namespace cannot be entered."""
        self.join()
        if self._error:
            raise self._error
        return self._value


def _enter(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(f"{path}: no such network namespace: {error.strerror}.") from None
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET):
            reason = os.strerror(ctypes.get_errno())
            raise LabError(f"{path}: cannot enter this network namespace: {reason}. Remedy: run as root.")
    finally:
        os.close(handle)
