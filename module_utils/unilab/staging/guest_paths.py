"""Paths of a guest whose root is a staged tree."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

# Every tree has these folders, because no runtime can make them in a root that is only readable.
MOUNT_POINTS = ("dev", "proc", "sys", "tmp", "data")
# On these every runtime mounts a file system of its own at boot, which hides what the tree holds there.
HIDDEN_AT_BOOT = ("dev", "proc", "sys", "tmp")
_LINKS_FOLLOWED = 40  # as Linux, before it reports ELOOP


def guest_relative(guest: str) -> str:
    """The absolute guest path ``guest`` as a tree has it: relative, without doubled slashes."""
    return "/".join(PurePosixPath(guest).parts[1:])


def is_hidden(path: str) -> bool:
    """Whether the relative ``path`` is in a folder that the boot hides."""
    folder, _, below = path.partition("/")
    return folder in HIDDEN_AT_BOOT and bool(below)


def resolved(tree: Path, path: str) -> str | None:
    """Where the relative ``path`` leads once links are followed as a guest does, ``tree`` being its root.

    None where that leaves the tree or is not there. What is below a mount point may appear at boot, so a path
    that enters one is not followed further.
    """
    done: list[str] = []
    waiting = path.split("/")
    followed = 0
    while waiting:
        part = waiting.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return None
            done.pop()
            continue
        here = tree.joinpath(*done, part)
        if here.is_symlink():
            followed += 1
            if followed > _LINKS_FOLLOWED:
                return None
            target = str(here.readlink())
            done = [] if target.startswith("/") else done
            waiting = target.split("/") + waiting
            continue
        done.append(part)
        if len(done) > 1 and done[0] in MOUNT_POINTS:
            return "/".join([*done, *waiting])
        if not here.exists():
            return None
    return "/".join(done)
