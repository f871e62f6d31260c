"""The program of a manifest: where it is in the tree, and whether every runtime can start it."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

from ansible.module_utils.unilab.staging.guest_paths import guest_relative, is_hidden, resolved

from contracts.errors import InputError
from contracts.manifest import Manifest


def with_program(manifest: Manifest, tree: Path) -> Manifest:
    """``manifest`` with the absolute path of its program, which an image may lack. Raises InputError."""
    program, _, arguments = manifest.cmdline.partition(" ")
    if program.startswith("/"):
        return manifest
    for folder in manifest.search:
        path = f"{folder.rstrip('/')}/{program}"
        place = resolved(tree, guest_relative(path))
        if place is not None and (tree / place).is_file():
            return replace(manifest, cmdline=f"{path} {arguments}".rstrip())
    problem = f"the image's program '{program}' is in none of {':'.join(manifest.search)}"
    raise InputError(manifest.path, "from", problem, "write its absolute path under 'cmdline'")


def check_program(manifest: Manifest, tree: Path) -> tuple[str, list[str]]:
    """The program's path in ``tree``, links followed, and notices. Raises InputError."""
    path = resolved(tree, guest_relative(manifest.program))
    problem, remedy = _problem(path, tree)
    if path is None or problem:
        raise InputError(manifest.path, "cmdline", f"the program {manifest.program} {problem}", remedy)
    return path, _notices(manifest, tree / path)


def _problem(path: str | None, tree: Path) -> tuple[str, str]:
    if path is not None and is_hidden(path):
        folder = path.split("/", maxsplit=1)[0]
        problem = f"is hidden at boot: every runtime mounts a file system on /{folder}"
        return problem, "stage it in another folder"
    if path is None or not (tree / path).exists():
        remedy = "stage it by 'files', 'rootfs', 'from' or a required package; base images are not read"
        return "is not in the tree", remedy
    if (tree / path).is_dir():
        return "is a directory", "name the program in it"
    return "", ""


def _notices(manifest: Manifest, program: Path) -> list[str]:
    notices = []
    if not program.stat().st_mode & stat.S_IXUSR:
        notices.append(
            f"cmdline: {manifest.program} is not executable: OSv starts it, Linux and Docker do not. "
            "Remedy: make it executable"
        )
    with program.open("rb") as stream:
        is_script = stream.read(2) == b"#!"
    if is_script and manifest.image is not None:
        notices.append(
            f"from: {manifest.program} is a script, which OSv does not start. "
            "Remedy: write the program that it starts under 'cmdline'"
        )
    return notices
