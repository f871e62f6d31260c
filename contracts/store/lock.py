"""One writer of a campaign at a time.

The file ``lock`` names the process that works on the campaign. It needs no removal: when that process has
ended, or the machine has booted since, the lock is stale and the next run replaces it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.errors import InputError
from contracts.store.files import write_atomically

LOCK = "lock"


class Owner(BaseModel):
    """A process, identified beyond its pid, which the kernel gives to other processes later.

    Attributes:
        start_ticks: start time in clock ticks since boot (proc(5), stat, field 22).
        boot_id: /proc/sys/kernel/random/boot_id.
        pid_namespace: the namespace in which the pid counts.
        host: name of the machine.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    pid: int
    start_ticks: int
    boot_id: str
    pid_namespace: str
    host: str


class _Content(BaseModel):
    owner: Owner
    since: datetime


def this_owner(pid: int) -> Owner:
    """The running process ``pid`` as owner. Raises InputError where there is none."""
    start_ticks = _start_ticks(pid)
    if start_ticks is None:
        raise InputError("lock", "owner", f"no process {pid} runs", "give the pid of the run itself")
    return Owner(
        pid=pid,
        start_ticks=start_ticks,
        boot_id=_boot_id(),
        pid_namespace=_pid_namespace(),
        host=os.uname().nodename,
    )


def acquire(directory: Path, owner: Owner) -> None:
    """Make ``owner`` the writer of the campaign at ``directory``; again for the same owner changes nothing.

    Raises InputError where another run is at work, or where that cannot be excluded. Raises OSError.
    """
    path = directory / LOCK
    with _exclusively(directory):
        held = _read(path)
        if held and held.owner != owner and not _is_stale(held.owner):
            raise InputError(path, "owner", _who(held), _remedy(path, held.owner))
        if held is None or held.owner != owner:
            content = _Content(owner=owner, since=datetime.now(timezone.utc))
            write_atomically(path, json.dumps(content.model_dump(mode="json"), indent=2) + "\n")


def is_held(directory: Path) -> bool:
    """Whether a run works on the campaign at ``directory``, as far as this machine can find out."""
    try:
        held = _read(directory / LOCK)
    except InputError:
        return False
    return held is not None and not _is_stale(held.owner)


def require(directory: Path, owner: Owner) -> None:
    """Raise InputError where ``owner`` is not the writer of the campaign at ``directory``."""
    held = _read(directory / LOCK)
    if held is None or held.owner != owner:
        who = _who(held) if held else "no run is at work on this campaign"
        raise InputError(directory / LOCK, "owner", who, "start the campaign again: it continues")


def _read(path: Path) -> _Content | None:
    try:
        return _Content.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise InputError(
            path, "", "not a lock of this version", "if no other run is at work, remove this file"
        ) from None


def _is_stale(owner: Owner) -> bool:
    """Whether the owner has ended for certain. On another machine that is not known."""
    if owner.host != os.uname().nodename:
        return False
    if owner.boot_id != _boot_id():
        return True
    # In another namespace the same pid means another process.
    return owner.pid_namespace == _pid_namespace() and _start_ticks(owner.pid) != owner.start_ticks


def _who(held: _Content) -> str:
    owner = held.owner
    return (
        f"another run is at work on this campaign: process {owner.pid} on {owner.host}, since "
        f"{held.since:%Y-%m-%d %H:%M:%S} UTC"
    )


def _remedy(path: Path, owner: Owner) -> str:
    if owner.host == os.uname().nodename and owner.pid_namespace == _pid_namespace():
        return "wait until it ends, end it, or give another name with -e campaign=NAME"
    return f"if that run has ended there, remove {path}; else give another name with -e campaign=NAME"


@contextmanager
def _exclusively(directory: Path) -> Iterator[None]:
    """Two runs that both find a stale lock must not both replace it."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _pid_namespace() -> str:
    return str(Path("/proc/self/ns/pid").readlink())


def _start_ticks(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *rest = fields.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])
